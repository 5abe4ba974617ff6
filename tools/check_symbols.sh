#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A library inside somebody's process must neither end it, nor write to its standard streams, nor keep hidden state.
# Looks at the symbols of the engine (built without asserts) and, if the extension has been built, at what that
# exports.
#
#   tools/check_symbols.sh [LIBDK.A [EXTENSION.SO]]      without arguments: builds the library into build-symbols
set -euo pipefail
export LC_ALL=C

cd "$(dirname "$0")/.."
library=${1:-}
extension=${2:-$(compgen -G 'django_kafka/_native*.so' | head -1 || true)}

# What the engine may not call: each name with the reason that is printed.
never() {
    case $1 in
        exit | _exit | _Exit | quick_exit | abort | __assert_fail | __assert | raise | kill) echo "ends the process" ;;
        printf | vprintf | puts | putchar | fprintf | vfprintf | fputs | fputc | putc | fwrite | perror | psignal | \
            dprintf | vdprintf | __printf_chk | __vprintf_chk | __fprintf_chk | __vfprintf_chk | __dprintf_chk | \
            stdout | stderr | stdin | syslog | openlog) echo "writes to the standard streams or the system's log" ;;
        fork | vfork | system | popen | execv* | posix_spawn*) echo "starts a process" ;;
        signal | sigaction | atexit | on_exit | setenv | putenv | setlocale | umask | chdir)
            echo "changes the state of the whole process" ;;
        rand | srand | random | srandom | strtok | localtime | gmtime | ctime | asctime | setjmp)
            echo "keeps hidden state, or is not safe in threads" ;;
        sprintf | vsprintf | strcpy | strcat | gets | __sprintf_chk | __strcpy_chk | __strcat_chk)
            echo "does not know the size of what it writes to" ;;
        malloc | calloc | realloc | free | strdup | strndup | asprintf | vasprintf)
            [ "$2" = alloc.c.o ] || echo "goes past the allocator (use dk__malloc() and friends)" ;;
    esac
}

# The only mutable globals. rdk.c's are the table of librdkafka's functions and what guards it (extension build).
mutable_ok() {
    case $1 in
        guard.c.o:fork_generation | guard.c.o:fork_once) return 0 ;;
        rdk.c.o:dk__rdk_table | rdk.c.o:load_lock | rdk.c.o:load_ok | rdk.c.o:load_tried | rdk.c.o:load_error) return 0 ;;
    esac
    return 1
}

bad=0
offence() {
    printf '%s\n' "$*" >&2
    bad=1
}

if [ -z "$library" ]; then
    NO_COPY=1 tools/dev_build.sh build-symbols -Dbuildtype=release -Db_lto=false -Dpython=disabled
    ninja -C build-symbols --quiet libdk.a
    library=build-symbols/libdk.a
fi

# "member symbol" of each undefined symbol. Meson names members src_base_alloc.c.o, or by path in thin archives.
member() { local name=${1##*/}; echo "${name##*_}"; }
while read -r object symbol; do
    file=$(member "$object")
    why=$(never "$symbol" "$file")
    [ -z "$why" ] || offence "$object calls $symbol, which $why"
done < <(nm -A --undefined-only "$library" | sed -E 's/^(.*\.a[:[])?([^]:]+)\]?:.* U ([^@]+).*/\2 \3/' | sort -u)

# Defined objects in writable sections; .data.rel.ro holds constants with addresses in them.
while read -r object section symbol; do
    file=$(member "$object")
    mutable_ok "$file:$symbol" || offence "$object keeps the mutable global $symbol (in $section)"
done < <(objdump -t "$library" | awk '
    / file format /                            { object = $1; sub(/:$/, "", object) }
    / (O +[.](data|bss)|[.](tdata|tbss)|O +[*]COM[*])/ && !/[.]data[.]rel[.]ro/ {
        for (i = 1; i <= NF; i++) if ($i ~ /^([.](data|bss|tdata|tbss)|[*]COM[*])/) section = $i
        print object, section, $NF
    }' | sort -u)

# Everything of ours that other objects can see carries the prefix.
while read -r symbol; do
    case $symbol in
        dk_* | dk__*) ;;
        *) offence "the library defines $symbol, which lacks the prefix dk_" ;;
    esac
done < <(nm --defined-only --extern-only "$library" | awk 'NF == 3 {print $3}' | sort -u)

if [ -n "$extension" ]; then
    exports=$(nm -D --defined-only "$extension" | awk '{print $NF}' | grep -vxE '_(init|fini|edata|end|_bss_start)' || true)
    [ "$exports" = PyInit__native ] || offence "$extension exports more than PyInit__native:" $exports
    direct=$(nm -D --undefined-only "$extension" | awk '{print $NF}' | grep '^rd_kafka_' || true)
    [ -z "$direct" ] || offence "$extension calls librdkafka past the table of rdk.h:" $direct
fi

[ $bad = 0 ] && echo "symbols: nothing that ends the process, prints, or keeps state of its own"
exit $bad
