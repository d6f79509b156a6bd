/* The header of an .npy file is the text of a Python dictionary with three known keys. */
#include "npy.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
  int32_t dtype;
  const char *descr;
} types[] = {
    {TENON_FLOAT, "<f4"},     {TENON_DOUBLE, "<f8"},      {TENON_FLOAT16, "<f2"},
    {TENON_INT8, "|i1"},      {TENON_INT16, "<i2"},       {TENON_INT32, "<i4"},
    {TENON_INT64, "<i8"},     {TENON_UINT8, "|u1"},       {TENON_UINT16, "<u2"},
    {TENON_UINT32, "<u4"},    {TENON_UINT64, "<u8"},      {TENON_BOOL, "|b1"},
    {TENON_COMPLEX64, "<c8"}, {TENON_COMPLEX128, "<c16"}, {TENON_BFLOAT16, "<V2"},
};
enum { num_types = sizeof types / sizeof *types };

/* The text behind a key of the dictionary; NULL if it is not there. */
static const char *find_value(const char *header, const char *key) {
  const char *at = strstr(header, key);
  at = at ? strchr(at, ':') : NULL;
  if (!at)
    return NULL;
  for (++at; isspace((unsigned char)*at);)
    ++at;
  return at;
}

static const char *parse_header(const char *header, npy_array *array) {
  const char *descr = find_value(header, "'descr'");
  const char *order = find_value(header, "'fortran_order'");
  const char *shape = find_value(header, "'shape'");
  if (!descr || !order || !shape || *descr != '\'' || *shape != '(')
    return "its header is damaged";
  if (strncmp(order, "False", 5) != 0)
    return "arrays in Fortran order are not supported";

  array->dtype = TENON_UNDEFINED;
  for (int i = 0; i < num_types; ++i)
    if (!strncmp(descr + 1, types[i].descr, strlen(types[i].descr)) &&
        descr[1 + strlen(types[i].descr)] == '\'')
      array->dtype = types[i].dtype;
  if (array->dtype == TENON_UNDEFINED)
    return "its element type is not supported";

  array->rank = 0;
  for (const char *at = shape + 1; *at && *at != ')';) {
    if (*at == ' ' || *at == ',') {
      ++at;
      continue;
    }
    if (!isdigit((unsigned char)*at))
      return "its shape is damaged";
    if (array->rank == NPY_MAX_RANK)
      return "it has too many dimensions";
    char *end;
    array->dims[array->rank++] = strtoll(at, &end, 10);
    at = end;
  }
  int64_t bytes = tenon_tensor_bytes(array->dtype, array->rank, array->dims);
  if (bytes < 0)
    return "its shape is too large";
  array->bytes = (size_t)bytes;
  return NULL;
}

/* Whether a file, as far as its size can be told, is too short for so many more bytes: nothing is
 * allocated for what it does not hold. */
static bool is_too_short(FILE *file, size_t bytes) {
  struct stat info;
  long at = ftell(file);
  if (at < 0 || fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode))
    return false;
  return info.st_size < at || bytes > (size_t)(info.st_size - at);
}

static const char *read_open(FILE *file, npy_array *array) {
  unsigned char start[12] = {0};
  if (fread(start, 1, 10, file) != 10 || memcmp(start, "\x93NUMPY", 6) != 0)
    return "it is not an .npy file";
  size_t length = start[8] | (size_t)start[9] << 8;
  if (start[6] > 1) {
    if (fread(start + 10, 1, 2, file) != 2)
      return "it is truncated";
    length |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
  }
  char header[4096];
  if (length >= sizeof header)
    return "its header is too long";
  if (fread(header, 1, length, file) != length)
    return "it is truncated";
  header[length] = '\0';
  const char *problem = parse_header(header, array);
  if (problem)
    return problem;
  if (is_too_short(file, array->bytes))
    return "it is truncated";
  array->data = malloc(array->bytes ? array->bytes : 1);
  if (!array->data)
    return "there is not enough memory for it";
  if (fread(array->data, 1, array->bytes, file) == array->bytes)
    return NULL;
  free(array->data);
  array->data = NULL;
  return "it is truncated";
}

const char *npy_read(const char *path, npy_array *array) {
  FILE *file = fopen(path, "rb");
  if (!file)
    return "it cannot be opened";
  const char *problem = read_open(file, array);
  fclose(file);
  return problem;
}

static bool write_open(FILE *file, const char *descr, const tenon_tensor *tensor) {
  char header[2048];
  int length =
      snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
  for (int32_t i = 0; i < tensor->rank; ++i)
    length +=
        snprintf(header + length, sizeof header - length, "%lld,", (long long)tensor->dims[i]);
  length += snprintf(header + length, sizeof header - length, "), }");
  /* Magic, version and length take 10 bytes; the data must start at a multiple of 64. */
  while ((10 + length + 1) % 64)
    header[length++] = ' ';
  header[length++] = '\n';
  unsigned char start[10] = "\x93NUMPY\x01";
  start[8] = length & 255;
  start[9] = length >> 8;
  return fwrite(start, 1, 10, file) == 10 && fwrite(header, 1, length, file) == (size_t)length &&
         fwrite(tensor->data, 1, tensor->bytes, file) == tensor->bytes;
}

const char *npy_write(const char *path, const tenon_tensor *tensor) {
  const char *descr = NULL;
  for (int i = 0; i < num_types; ++i)
    if (types[i].dtype == tensor->dtype)
      descr = types[i].descr;
  if (!descr)
    return "its element type cannot be stored as .npy";
  FILE *file = fopen(path, "wb");
  if (!file)
    return "it cannot be written";
  bool written = write_open(file, descr, tensor);
  if (fclose(file) != 0 || !written) {
    remove(path);
    return "it cannot be written";
  }
  return NULL;
}
