#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The headers of librdkafka for building a wheel, where the system has none or older ones. Nothing else of librdkafka
# is built or put into the wheel: the extension uses the one that confluent-kafka brings (src/kafka/client/rdk.h).
#
#   tools/wheel_headers.sh PREFIX [FOLDER]      FOLDER: with rdkafka.h; without it a release is downloaded
#
# Afterwards the build finds them with PKG_CONFIG_PATH=PREFIX/lib/pkgconfig.
set -euo pipefail

# The oldest that is supported: what is newer is asked for at run time.
VERSION=2.0.2
ARCHIVE=https://github.com/confluentinc/librdkafka/archive/refs/tags/v$VERSION.tar.gz

prefix=$1
source=${2:-}
if [ -z "$source" ]; then
    download=$(mktemp -d)
    trap 'rm -rf "$download"' EXIT
    curl -sSfL "$ARCHIVE" | tar -xz -C "$download" --strip-components=1
    source=$download/src
fi

mkdir -p "$prefix/include/librdkafka" "$prefix/lib/pkgconfig"
cp "$source/rdkafka.h" "$source/rdkafka_mock.h" "$prefix/include/librdkafka/"
# 0x020002ff is 2.0.2.
number=$(sed -n 's/^#define RD_KAFKA_VERSION *0x\([0-9a-f]*\).*/\1/p' "$prefix/include/librdkafka/rdkafka.h")
found=$((16#${number:0:2})).$((16#${number:2:2})).$((16#${number:4:2}))
cat >"$prefix/lib/pkgconfig/rdkafka.pc" <<EOF
Name: librdkafka
Description: headers of librdkafka, for a build that finds the library at run time
Version: $found
Cflags: -I$prefix/include
EOF
printf 'headers of librdkafka %s in %s\n' "$found" "$prefix"
