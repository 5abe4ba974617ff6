/* SPDX-License-Identifier: MIT
 *
 * Which librdkafka this process uses: found among the loaded objects, by path or as the system's, checked and put
 * into the table that rdk.h redirects to. With plain linking there is nothing to choose.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dl_iterate_phdr */
#endif

#include "kafka/client/internal.h"

#ifdef DK_RDKAFKA_TABLE

#include <dlfcn.h>
#include <limits.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#else
#include <link.h>
#endif
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Every function of the list must be redirected as well: then its name expands to something longer. */
#define TEXT_(...) #__VA_ARGS__
#define TEXT(...) TEXT_(__VA_ARGS__)
#define XX(name)                                                                                                     \
    _Static_assert(sizeof(TEXT(name())) > sizeof(#name "()"), #name " is in the list of rdk.h but is not "           \
                                                                    "redirected");
DK__RDK_REQUIRED_MAP(XX)
DK__RDK_OPTIONAL_MAP(XX)
#undef XX

static const char *const names[] = {
#define XX(name) #name,
    DK__RDK_REQUIRED_MAP(XX) DK__RDK_OPTIONAL_MAP(XX)
#undef XX
};

enum {
#define XX(name) +1
    N_REQUIRED = 0 DK__RDK_REQUIRED_MAP(XX),
    N_ALL = N_REQUIRED DK__RDK_OPTIONAL_MAP(XX)
#undef XX
};

_Static_assert(sizeof(dk__rdk_functions) == N_ALL * sizeof(void *), "the table holds function pointers only");

dk__rdk_functions dk__rdk_table;

static pthread_mutex_t load_lock = PTHREAD_MUTEX_INITIALIZER; /* no other is taken with it held */
static atomic_bool load_ok;                                   /* set once, with the lock held */
static bool load_tried;                                       /* under load_lock, as is load_error */
static dk_error load_error;                                   /* what the first dk_library_load() found */

/* The tests put a call in its place. */
#ifndef DK__RDK_SYSTEM_NAME
#ifdef __APPLE__
#define DK__RDK_SYSTEM_NAME "librdkafka.1.dylib"
#else
#define DK__RDK_SYSTEM_NAME "librdkafka.so.1"
#endif
#endif

/* What was tried so far, as one sentence; cut off when it gets too long. */
typedef struct tries {
    char text[320];
    size_t len;
} tries;

static void DK_PRINTF(2, 3) note(tries *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(t->text + t->len, sizeof t->text - t->len, fmt, ap);
    va_end(ap);
    if (n > 0)
        t->len += (size_t)n < sizeof t->text - t->len ? (size_t)n : sizeof t->text - t->len - 1;
}

/* Fill the table from an open library. Nothing is kept of one that is refused. */
static bool
fill(void *lib, const char *what, tries *t)
{
    void *found[N_ALL];
    int (*version)(void) = NULL;
    const char *(*version_text)(void) = NULL;

    *(void **)&version = dlsym(lib, "rd_kafka_version");
    *(void **)&version_text = dlsym(lib, "rd_kafka_version_str");
    if (version == NULL || version_text == NULL) {
        note(t, "; %s is not a librdkafka", what);
        return false;
    }
    if (version() < DK__RDK_MIN_VERSION) {
        note(t, "; %s is version %s, which is too old", what, version_text());
        return false;
    }
    for (int i = 0; i < N_ALL; i++) {
        found[i] = dlsym(lib, names[i]);
        if (found[i] == NULL && i < N_REQUIRED) {
            note(t, "; %s (version %s) lacks %s()", what, version_text(), names[i]);
            return false;
        }
    }
    memcpy(&dk__rdk_table, found, sizeof found);
    return true;
}

/* Open and take the library of this name. */
static bool
try_open(const char *name, int flags, tries *t)
{
    void *lib = dlopen(name, RTLD_NOW | RTLD_LOCAL | flags);

    if (lib == NULL) {
        const char *why = dlerror();

        note(t, "; %s", why != NULL ? why : name);
        return false;
    }
    if (fill(lib, name, t))
        return true; /* stays open for the life of the process */
    dlclose(lib);
    return false;
}

/* Copy the path of a loaded object if it is a librdkafka (not librdkafka++). */
static bool
copy_if_ours(const char *name, char path[PATH_MAX])
{
    const char *slash = name != NULL ? strrchr(name, '/') : NULL;
    const char *base = slash != NULL ? slash + 1 : name;

    if (base == NULL || strncmp(base, "librdkafka", 10) != 0 || strncmp(base, "librdkafka++", 12) == 0)
        return false;
    if (strlen(name) >= PATH_MAX)
        return false;
    memcpy(path, name, strlen(name) + 1);
    return true;
}

#ifdef __APPLE__

static bool
find_loaded(char path[PATH_MAX])
{
    uint32_t n = _dyld_image_count();

    for (uint32_t i = 0; i < n; i++)
        if (copy_if_ours(_dyld_get_image_name(i), path)) /* NULL if it was unloaded meanwhile */
            return true;
    return false;
}

#else

static int
match_loaded(struct dl_phdr_info *info, size_t size, void *path)
{
    return copy_if_ours(info->dlpi_name, path);
}

static bool
find_loaded(char path[PATH_MAX])
{
    return dl_iterate_phdr(match_loaded, path) != 0;
}

#endif

static bool
find_library(const char *path, tries *t)
{
    char loaded[PATH_MAX];

    if (find_loaded(loaded)) {
        if (try_open(loaded, RTLD_NOLOAD, t))
            return true;
    } else {
        note(t, "; none is loaded in this process");
    }
    if (path != NULL && *path != '\0' && try_open(path, 0, t))
        return true;
    return try_open(DK__RDK_SYSTEM_NAME, 0, t);
}

dk_status
dk_library_load(const char *path, dk_error *err)
{
    dk_status st;

    if (atomic_load_explicit(&load_ok, memory_order_acquire)) {
        dk__error_clear(err);
        return DK_OK;
    }
    pthread_mutex_lock(&load_lock);
    if (!load_tried) {
        tries t = {.len = 0};

        load_tried = true;
        dk__error_clear(&load_error);
        if (find_library(path, &t))
            atomic_store_explicit(&load_ok, true, memory_order_release);
        else
            dk__error_set(
                &load_error, DK_ELIBRARY,
                "no usable librdkafka (%s or newer)%s. Install confluent-kafka (pip install confluent-kafka), which "
                "brings one, or the system's package (librdkafka1 on Debian and Ubuntu)",
                DK__RDK_MIN_VERSION_TEXT, t.text);
    }
    st = load_error.code;
    if (err != NULL)
        *err = load_error;
    pthread_mutex_unlock(&load_lock);
    return st;
}

int
dk_library_version(void)
{
    return atomic_load_explicit(&load_ok, memory_order_acquire) ? rd_kafka_version() : 0;
}

const char *
dk_library_version_text(void)
{
    return atomic_load_explicit(&load_ok, memory_order_acquire) ? rd_kafka_version_str() : "";
}

const char *
dk_library_path(void)
{
    Dl_info info;
    void *function = *(void **)&dk__rdk_table;

    if (!atomic_load_explicit(&load_ok, memory_order_acquire) || dladdr(function, &info) == 0 ||
        info.dli_fname == NULL)
        return "";
    return info.dli_fname;
}

#else

const char *
dk_library_path(void)
{
    return "";
}

dk_status
dk_library_load(const char *path, dk_error *err)
{
    (void)path;
    dk__error_clear(err);
    return DK_OK;
}

int
dk_library_version(void)
{
    return rd_kafka_version();
}

const char *
dk_library_version_text(void)
{
    return rd_kafka_version_str();
}

#endif
