/* SPDX-License-Identifier: MIT
 *
 * A library that calls itself an old librdkafka.
 */
int rd_kafka_version(void);
const char *rd_kafka_version_str(void);

int
rd_kafka_version(void)
{
    return 0x010900ff;
}

const char *
rd_kafka_version_str(void)
{
    return "1.9.0";
}
