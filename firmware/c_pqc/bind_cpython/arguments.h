/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * arguments.h - for modpqc.c alone: arguments and scratch memory in, results and
 * exceptions out.
 */
#ifndef PQC_CPYTHON_ARGUMENTS_H
#define PQC_CPYTHON_ARGUMENTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "../bind_common/pqc_args.h"

/* One argument after its check; `integer` holds what is no buffer. */
typedef struct {
    Py_buffer buffer;
    size_t integer;
} value;

/* The registered workspace and poll function, if any. One per module, released with it. */
typedef struct {
    Py_buffer workspace;
    PyObject *poll;
    int polling; /* inside poll: the workspace holds half a signature */
} module_state;

#define COUNT(table) ((Py_ssize_t)(sizeof(table) / sizeof(table)[0]))

static void release(value *values, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        PyBuffer_Release(&values[i].buffer); /* does nothing for one never filled */
    }
}

static int take_integer(value *v, PyObject *object)
{
    long integer = PyLong_AsLong(object);
    if (integer == -1 && PyErr_Occurred()) {
        return -1;
    }
    v->integer = integer < 0 ? SIZE_MAX : (size_t)integer;
    return 0;
}

static int take_buffer(value *v, const pqc_arg *arg, PyObject *object)
{
    int flags = arg->kind == PQC_OUT ? PyBUF_WRITABLE : PyBUF_SIMPLE;
    if (PyObject_GetBuffer(object, &v->buffer, flags) != 0) {
        return -1;
    }
    if (arg->bytes != PQC_ANY && v->buffer.len != arg->bytes) {
        PyErr_Format(PyExc_ValueError, "%s: must be %d bytes", arg->name, (int)arg->bytes);
        return -1;
    }
    return 0;
}

/* 0, or -1 with an exception set and nothing held. */
static int take_arguments(value *values, const pqc_arg *args, Py_ssize_t wanted,
                          PyObject *const *objects, Py_ssize_t count)
{
    memset(values, 0, sizeof *values * (size_t)wanted);
    if (count != wanted) {
        PyErr_Format(PyExc_TypeError, "%zd arguments wanted, %zd given", wanted, count);
        return -1;
    }
    for (Py_ssize_t i = 0; i < wanted; i++) {
        int failed = args[i].kind == PQC_INTEGER ? take_integer(&values[i], objects[i])
                                                 : take_buffer(&values[i], &args[i], objects[i]);
        if (failed) {
            release(values, wanted);
            return -1;
        }
    }
    return 0;
}

#define TAKE(v, args)                                                \
    value v[sizeof(args) / sizeof(args)[0]];                         \
    if (take_arguments(v, args, COUNT(args), objects, count) != 0) { \
        return NULL;                                                 \
    }

static int raise_result(int result)
{
    switch (result) {
    case PQC_OK:
        return 0;
    case PQC_ERR_STOPPED: /* by what the poll function has raised */
        return -1;
    case PQC_ERR_BAD_KEY:
        PyErr_SetString(PyExc_ValueError, "not a valid key");
        return -1;
    case PQC_ERR_BAD_LENGTH:
        PyErr_SetString(PyExc_ValueError, "length out of range");
        return -1;
    default:
        PyErr_Format(PyExc_RuntimeError, "pqc error %d", result);
        return -1;
    }
}

typedef struct {
    void *data;
    size_t bytes;
    int allocated;
} workspace;

/* A poll function may neither use nor change the workspace of the signature it is part of. */
static int workspace_in_use(const module_state *state)
{
    if (state->polling) {
        PyErr_SetString(PyExc_RuntimeError, "called by its own poll: the workspace is in use");
    }
    return state->polling;
}

/* Scratch memory for one call: the registered buffer, or a fresh block. -1 with MemoryError. */
static int workspace_take(workspace *ws, PyObject *module, size_t bytes)
{
    module_state *state = PyModule_GetState(module);
    if (state->workspace.obj != NULL) {
        if (workspace_in_use(state)) {
            return -1;
        }
        ws->data = state->workspace.buf;
        ws->bytes = (size_t)state->workspace.len;
        ws->allocated = 0;
        return 0;
    }
    ws->data = PyMem_Malloc(bytes);
    ws->bytes = bytes;
    ws->allocated = 1;
    if (ws->data == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

/* Ends a call: gives back buffers and workspace, returns None or raises. */
static PyObject *finish(value *values, Py_ssize_t count, workspace *ws, int result)
{
    release(values, count);
    if (ws != NULL && ws->allocated) {
        PyMem_Free(ws->data);
    }
    if (raise_result(result) != 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* The same for a verdict: True or False. */
static PyObject *finish_verdict(value *values, Py_ssize_t count, workspace *ws, int result,
                                int result_for_false)
{
    PyObject *none = finish(values, count, ws, result == result_for_false ? PQC_OK : result);
    if (none == NULL) {
        return NULL;
    }
    Py_DECREF(none);
    return PyBool_FromLong(result == PQC_OK);
}

/* Calls that need scratch memory: allocate it, call, finish. */
#define WITH_WORKSPACE(v, need, call)                 \
    do {                                              \
        workspace ws;                                 \
        if (workspace_take(&ws, module, need) != 0) { \
            release(v, COUNT(v));                     \
            return NULL;                              \
        }                                             \
        int result = (call);                          \
        return finish(v, COUNT(v), &ws, result);      \
    } while (0)

#define WITH_WORKSPACE_VERDICT(v, need, call)                                   \
    do {                                                                        \
        workspace ws;                                                           \
        if (workspace_take(&ws, module, need) != 0) {                           \
            release(v, COUNT(v));                                               \
            return NULL;                                                        \
        }                                                                       \
        int result = (call);                                                    \
        return finish_verdict(v, COUNT(v), &ws, result, PQC_ERR_BAD_SIGNATURE); \
    } while (0)

#define DATA(v)  ((uint8_t *)(v).buffer.buf)
#define BYTES(v) ((size_t)(v).buffer.len)

#endif
