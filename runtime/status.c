/* Errors: a status for programs and, per thread, a sentence for people. */
#include "runtime/internal.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char last_error[1024];

tenon_status tn_fail(tenon_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(last_error, sizeof last_error, format, args);
  va_end(args);
  return status;
}

const char *tenon_last_error(void) { return last_error; }

const char *tenon_status_name(tenon_status status) {
  switch (status) {
  case TENON_OK:
    return "ok";
  case TENON_INVALID_ARGUMENT:
    return "invalid_argument";
  case TENON_FILE_ERROR:
    return "file_error";
  case TENON_INVALID_MODEL:
    return "invalid_model";
  case TENON_WRONG_VERSION:
    return "wrong_version";
  case TENON_UNSUPPORTED_CPU:
    return "unsupported_cpu";
  case TENON_OUT_OF_MEMORY:
    return "out_of_memory";
  case TENON_WRONG_DTYPE:
    return "wrong_dtype";
  case TENON_WRONG_SHAPE:
    return "wrong_shape";
  case TENON_BUFFER_TOO_SMALL:
    return "buffer_too_small";
  case TENON_WRONG_KIND:
    return "wrong_kind";
  case TENON_INVALID_VALUE:
    return "invalid_value";
  case TENON_CONTEXT_BUSY:
    return "context_busy";
  case TENON_INTERNAL_ERROR:
    return "internal_error";
  case TENON_DEVICE_ERROR:
    return "device_error";
  }
  return "unknown";
}

const char *tenon_runtime_version(void) { return TENON_VERSION; }
