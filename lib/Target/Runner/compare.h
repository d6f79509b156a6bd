/* Compares the result of a run with one from elsewhere. */
#ifndef TENON_LIB_TARGET_RUNNER_COMPARE_H
#define TENON_LIB_TARGET_RUNNER_COMPARE_H

#include "npy.h"
#include <stdbool.h>

/* Whether both have one type, one shape and the same bits; `difference` says in words what differs
 * otherwise. */
bool compare_bits(const tenon_tensor *result, const npy_array *expected, char *difference,
                  size_t size);

#endif
