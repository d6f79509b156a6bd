/* How a model lies in an executable of --emit=exe: behind the runner's own bytes come the model's
 * shared library and its weights, each at a multiple of the page size, and at the very end this. */
#ifndef TENON_LIB_TARGET_RUNNER_TRAILER_H
#define TENON_LIB_TARGET_RUNNER_TRAILER_H

#include <stdint.h>

#define TENON_TRAILER_MAGIC "TENONEXE"

typedef struct tenon_trailer {
  uint64_t library_offset, library_bytes;
  uint64_t weights_offset, weights_bytes;
  char magic[8];
} tenon_trailer;

#endif
