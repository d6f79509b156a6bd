/* Bits are compared, not numbers: the result of another processor, of another number of threads or
 * of exact arithmetic is either the same or a finding. */
#include "compare.h"

#include <stdio.h>
#include <string.h>

/* "int8[2,3]" */
static void describe_type(char *text, size_t size, int32_t dtype, int32_t rank,
                          const int64_t *dims) {
  size_t length = (size_t)snprintf(text, size, "%s[", tenon_dtype_name(dtype));
  for (int32_t i = 0; i < rank && length < size; ++i)
    length +=
        (size_t)snprintf(text + length, size - length, i ? ",%lld" : "%lld", (long long)dims[i]);
  if (length < size)
    snprintf(text + length, size - length, "]");
}

/* "0x01ff", the highest byte first. */
static void describe_bits(char text[], const unsigned char *element, size_t bytes) {
  text += sprintf(text, "0x");
  while (bytes)
    text += sprintf(text, "%02x", element[--bytes]);
}

static bool has_type_of(const tenon_tensor *result, const npy_array *expected) {
  return result->dtype == expected->dtype && result->rank == expected->rank &&
         (result->rank == 0 ||
          !memcmp(result->dims, expected->dims, (size_t)result->rank * sizeof *result->dims));
}

bool compare_bits(const tenon_tensor *result, const npy_array *expected, char *difference,
                  size_t size) {
  if (!has_type_of(result, expected)) {
    char type[256], expected_type[256];
    describe_type(type, sizeof type, result->dtype, result->rank, result->dims);
    describe_type(expected_type, sizeof expected_type, expected->dtype, expected->rank,
                  expected->dims);
    snprintf(difference, size, "is %s, expected %s", type, expected_type);
    return false;
  }
  const unsigned char *got = result->data, *wanted = expected->data;
  size_t width = (size_t)tenon_dtype_bits(result->dtype) / 8;
  size_t count = result->bytes / width, first = count, differing = 0;
  for (size_t i = count; i-- > 0;)
    if (memcmp(got + i * width, wanted + i * width, width) != 0) {
      first = i;
      ++differing;
    }
  if (!differing)
    return true;
  char element[2 + 2 * 16 + 1], expected_element[sizeof element]; /* of complex128 at most */
  describe_bits(element, got + first * width, width);
  describe_bits(expected_element, wanted + first * width, width);
  snprintf(difference, size, "differs in %zu of %zu elements; element %zu is %s, expected %s",
           differing, count, first, element, expected_element);
  return false;
}
