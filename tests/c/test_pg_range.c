/* SPDX-License-Identifier: MIT
 *
 * Ranges: which texts are taken, and that they are written as the server keeps them.
 */
#include "pg_rig.h"

static void
leaves(const char *text)
{
    dk_pg_column c = pg_column(DK_PG_INT4RANGE);
    pg_writer w;

    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_text(&w.row, &c, pg_plain, avro_slice(text)));
}

DK_TEST(pg_range_of_integers)
{
    dk_pg_column c = pg_column(DK_PG_INT4RANGE), wide = pg_column(DK_PG_INT8RANGE);

    pg_text_is(c, "[1,5)", "00000011 02 00000004 00000001 00000004 00000005");
    pg_text_is(c, "(0,4]", "00000011 02 00000004 00000001 00000004 00000005");
    pg_text_is(c, "[-2147483648,\"-1\")", "00000011 02 00000004 80000000 00000004 ffffffff");
    pg_text_is(c, "[,5]", "00000009 08 00000004 00000006");
    pg_text_is(c, "[1,]", "00000009 12 00000004 00000001");
    pg_text_is(c, "(,)", "00000001 18");
    pg_text_is(c, "empty", "00000001 01");
    pg_text_is(c, "[1,1)", "00000001 01");
    pg_text_is(c, "(1,1]", "00000001 01");
    pg_text_is(c, "(1,2)", "00000001 01");
    pg_text_is(c, "(2147483647,2147483647)", "00000001 01");
    pg_text_is(c, "[7,7]", "00000011 02 00000004 00000007 00000004 00000008");
    pg_text_is(wide, "(-1,9223372036854775806]", "00000019 02 00000008 0000000000000000 00000008 7fffffffffffffff");
    pg_text_refused(c, "[2,1]", "its lower bound is greater than its upper one");
    pg_text_refused(c, "[1,2147483647]", "out of range");
    pg_text_refused(c, "(2147483647,)", "out of range");
    pg_text_refused(c, "[1,2147483648)", "out of range");
    pg_text_refused(wide, "[1,9223372036854775807]", "out of range");
    pg_text_refused(c, "[x,2)", "no integer");
    pg_text_refused(c, "[1.5,2)", "no integer");
    pg_text_refused(c, "[ 1,2)", "no integer");
    pg_text_refused(c, "[\"\",2)", "no integer");
}

DK_TEST(pg_range_of_numbers)
{
    dk_pg_column c = pg_column(DK_PG_NUMRANGE);

    pg_text_is(c, "[1.50,2]", "0000001f 06 0000000c 0002000000000002 0001 1388 0000000a 0001000000000000 0002");
    pg_text_is(c, "[1.0,1)", "00000001 01");
    pg_text_is(c, "[1.0,1]", "0000001d 06 0000000a 0001000000000001 0001 0000000a 0001000000000000 0001");
    pg_text_is(c, "(0,0.00]", "00000001 01");
    pg_text_refused(c, "[2,1.9999]", "greater");
    pg_text_refused(c, "[10000,9999.9]", "greater");
    pg_text_refused(c, "[-1,-1.0001]", "greater");
    pg_text_refused(c, "[-0.5,-1]", "greater");
    pg_text_refused(c, "[0,-1]", "greater");
    pg_text_refused(c, "[1,0]", "greater");
    pg_text_refused(c, "[1.00010001,1.0001]", "greater");
    pg_text_refused(c, "[NaN,1]", "greater");
    pg_text_refused(c, "[1,-Infinity]", "greater");
    pg_text_is(c, "(-Infinity,-Infinity)", "00000001 01");
    pg_text_is(c, "[NaN,NaN)", "00000001 01");
}

DK_TEST(pg_range_of_times)
{
    dk_pg_column days = pg_column(DK_PG_DATERANGE), moments = pg_column(DK_PG_TSTZRANGE);

    pg_text_is(days, "[2000-01-01,2000-01-02]", "00000011 02 00000004 00000000 00000004 00000002");
    pg_text_is(days, "(-infinity,infinity]", "00000011 04 00000004 80000000 00000004 7fffffff");
    pg_text_refused(days, "[2000-01-01,5874897-12-31]", "out of range");
    pg_text_is(moments, "[\"2000-01-01 00:00:00+00\",\"2000-01-01 02:00:00.000001+02\"]",
               "00000019 06 00000008 0000000000000000 00000008 0000000000000001");
    pg_text_refused(moments, "[\"2000-01-01 00:00:00+00\",\"2000-01-01 00:00:00+01\"]", "greater");
    days.narrow = true;
    pg_text_is(days, "[2000-01-01,)", "00000009 12 00000004 00000000");
    {
        pg_writer w;

        pg_writer_init(&w);
        pg_check_odd(&w, dk__pg_put_text(&w.row, &days, pg_plain, avro_slice("[-infinity,)")));
    }
}

/* Forms that PostgreSQL does not write, and other values than texts. */
DK_TEST(pg_range_odd)
{
    static const char *const texts[] = {"",           "[",      "[]",         "[1)",           "[1,2",
                                        "1,2)",       " [1,2)", "[1,2) ",     "EMPTY",         "empty ",
                                        "[1,2,3)",    "[(1,2)", "[1,\"2)",    "[\\1,2)",       "{1,2}",
                                        "[1,\"2\"3)", "N/A",    "[1,2]]",     "[\"\"\"1\",2)", "[1;2)",
                                        "[[1,2)]",    "(,",     "[\"\\1\",2)"};
    dk_pg_column c = pg_column(DK_PG_INT4RANGE);
    pg_writer w;
    size_t i;

    for (i = 0; i < sizeof texts / sizeof *texts; i++)
        leaves(texts[i]);
    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_int(&w.row, &c, pg_plain, 1));
    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_double(&w.row, &c, 1));
    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_bool(&w.row, &c, true));
    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_bytes(&w.row, &c, pg_plain, avro_slice("[1,2)")));
    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_document(&w.row, &c, avro_slice("[1,2]")));
}

DK_TEST_FAULT(pg_range_without_memory)
{
    dk_pg_column c = pg_column(DK_PG_NUMRANGE);
    pg_writer w;

    pg_writer_init(&w);
    CHECK_OK(dk__pg_put_text(&w.row, &c, pg_plain, avro_slice("[1,2000000000000.5]")));
    if (!NOMEM(w.out.st))
        CHECK_EQ(w.out.p[4], 6);
    dk_buf_fini(&w.out);
}
