/* SPDX-License-Identifier: MIT
 *
 * A flag that poll(2) can wait on: a pipe that holds a byte while the flag is up. Raising is async-signal-safe.
 */
#define _GNU_SOURCE /* pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "kafka/client/internal.h"

static int
make_pipe(int fd[2])
{
#ifdef __APPLE__
    int i;

    if (pipe(fd) != 0)
        return -1;
    for (i = 0; i < 2; i++) {
        fcntl(fd[i], F_SETFD, FD_CLOEXEC);
        fcntl(fd[i], F_SETFL, O_NONBLOCK);
    }
    return 0;
#else
    return pipe2(fd, O_CLOEXEC | O_NONBLOCK);
#endif
}

dk_status
dk__wake_init(dk__wake *w, dk_error *err)
{
    atomic_init(&w->raised, false);
    if (make_pipe(w->fd) == 0)
        return DK_OK;
    w->fd[0] = w->fd[1] = -1;
    if (errno == EMFILE || errno == ENFILE)
        return dk__error_set(err, DK_ESTATE, "cannot open a pipe: too many open files (see ulimit -n)");
    return dk__error_set(err, DK_ESTATE, "cannot open a pipe: error %d", errno);
}

void
dk__wake_fini(dk__wake *w)
{
    int i;

    for (i = 0; i < 2; i++) {
        if (w->fd[i] >= 0)
            close(w->fd[i]);
        w->fd[i] = -1;
    }
}

void
dk__wake_raise(dk__wake *w)
{
    int saved = errno; /* a signal handler must not change it */
    ssize_t n;

    if (atomic_exchange(&w->raised, true))
        return;
    do
        n = write(w->fd[1], "", 1);
    while (n < 0 && errno == EINTR);
    errno = saved;
}

/* Empty the pipe first and lower the flag then: a raise in between leaves its byte behind, which only costs one more
 * look. The other way round its byte would be taken and its flag stay up, and nobody would ever write again. */
static bool
lower(dk__wake *w)
{
    char bytes[64];
    ssize_t n;

    do
        n = read(w->fd[0], bytes, sizeof bytes);
    while (n == (ssize_t)sizeof bytes || (n < 0 && errno == EINTR));
    return atomic_exchange(&w->raised, false);
}

bool
dk__wake_wait(dk__wake *w, int timeout_ms)
{
    struct pollfd p = {.fd = w->fd[0], .events = POLLIN};
    int64_t deadline = dk__deadline_ms(timeout_ms);

    if (atomic_load(&w->raised) && lower(w))
        return true;
    for (;;) {
        if (poll(&p, 1, timeout_ms) <= 0 || (p.revents & POLLIN) == 0)
            return false;
        if (lower(w))
            return true;
        timeout_ms = dk__left_ms(deadline, -1); /* a byte left behind by an earlier raise */
    }
}
