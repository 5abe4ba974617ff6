/* SPDX-License-Identifier: MIT
 *
 * Which librdkafka the module uses.
 *
 * confluent_kafka's wheel carries a current librdkafka. It is found without importing confluent_kafka, which takes
 * its time and is needed later at most; as the loader knows libraries by their names, both end up with one copy.
 */
#include <stdlib.h>
#include <string.h>

#include "native.h"

#include "dk/kafka.h"

/* The first file in folder whose name begins with librdkafka: a new path, or NULL (perhaps with an exception). */
static PyObject *
library_in(PyObject *folder)
{
    PyObject *os = PyImport_ImportModule("os"), *names = NULL, *path = NULL;

    if (os != NULL)
        names = PyObject_CallMethod(os, "listdir", "O", folder);
    if (names == NULL && PyErr_ExceptionMatches(PyExc_OSError))
        PyErr_Clear();
    for (Py_ssize_t i = 0; names != NULL && path == NULL && i < PyList_GET_SIZE(names); i++) {
        const char *name = PyUnicode_AsUTF8(PyList_GET_ITEM(names, i));

        if (name == NULL)
            break;
        if (strncmp(name, "librdkafka", 10) == 0 && strncmp(name, "librdkafka++", 12) != 0)
            path = PyUnicode_FromFormat("%U/%s", folder, name);
    }
    Py_XDECREF(os);
    Py_XDECREF(names);
    return path;
}

/* Beside or inside the folder of confluent_kafka, where repaired wheels keep their libraries. */
static PyObject *
library_of(PyObject *package_folder)
{
    static const char *const places[] = {"%U.libs", "%U/.dylibs", "%U/.libs"};
    PyObject *path = NULL;

    for (size_t i = 0; path == NULL && !PyErr_Occurred() && i < sizeof places / sizeof *places; i++) {
        PyObject *folder = PyUnicode_FromFormat(places[i], package_folder);

        if (folder == NULL)
            break;
        path = library_in(folder);
        Py_DECREF(folder);
    }
    return path;
}

static PyObject *
confluent_folder(void)
{
    PyObject *util = PyImport_ImportModule("importlib.util"), *spec = NULL, *places = NULL, *folder = NULL;

    if (util != NULL)
        spec = PyObject_CallMethod(util, "find_spec", "s", "confluent_kafka");
    if (spec != NULL && spec != Py_None)
        places = PyObject_GetAttrString(spec, "submodule_search_locations");
    if (places != NULL && places != Py_None)
        folder = PySequence_GetItem(places, 0);
    Py_XDECREF(util);
    Py_XDECREF(spec);
    Py_XDECREF(places);
    return folder;
}

int
native_library_load(void)
{
    PyObject *folder = confluent_folder(), *path = folder != NULL ? library_of(folder) : NULL, *bytes = NULL;
    dk_error err = {.code = DK_OK};
    dk_status st;

    Py_XDECREF(folder);
    if (path != NULL) {
        bytes = PyUnicode_EncodeFSDefault(path);
        Py_DECREF(path);
    }
    PyErr_Clear(); /* whatever went wrong, the system may have one */
    st = dk_library_load(bytes != NULL ? PyBytes_AS_STRING(bytes) : NULL, &err);
    Py_XDECREF(bytes);
    if (st == DK_OK)
        return 0;
    PyErr_SetString(PyExc_ImportError, err.text[0] != '\0' ? err.text : dk_status_text(st));
    return -1;
}

static PyObject *
librdkafka_version(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    return PyUnicode_FromString(dk_library_version_text());
}

static PyObject *
librdkafka_version_int(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    return PyLong_FromLong(dk_library_version());
}

static PyObject *
librdkafka_source(PyObject *module, PyObject *ignored)
{
    char *real = realpath(dk_library_path(), NULL); /* the loader may know it by a way around */
    PyObject *path = PyUnicode_DecodeFSDefault(real != NULL ? real : dk_library_path());

    (void)module;
    (void)ignored;
    free(real);
    return path;
}

PyMethodDef native_library_functions[] = {
    {"librdkafka_version", librdkafka_version, METH_NOARGS,
     "librdkafka_version($module, /)\n--\n\nVersion of the librdkafka in use, as text."},
    {"librdkafka_version_int", librdkafka_version_int, METH_NOARGS,
     "librdkafka_version_int($module, /)\n--\n\nThe same as 0xMMmmrrxx."},
    {"librdkafka_source", librdkafka_source, METH_NOARGS,
     "librdkafka_source($module, /)\n--\n\nPath of the shared object in use; \"\" when linked plainly."},
    {NULL, NULL, 0, NULL},
};
