/* SPDX-License-Identifier: MIT
 *
 * A library with the version of a librdkafka and nothing else of it.
 */
int rd_kafka_version(void);
const char *rd_kafka_version_str(void);

int
rd_kafka_version(void)
{
    return 0x020f00ff;
}

const char *
rd_kafka_version_str(void)
{
    return "2.15.0";
}
