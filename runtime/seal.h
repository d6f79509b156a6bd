/* How a compiled model lies in its file, and the seal at the file's end that says so.
 *
 *   --emit=lib   [shared library            ][weights][seal]
 *   --emit=exe   [runner][shared library    ][weights][seal]
 *                 0       library_offset      weights_offset
 *
 * Library and weights begin at multiples of the page size. The seal has the checksum of everything
 * before the weights: headers, descriptor, code, relocations and what lies between them. That is
 * some hundred KB, which the loader reads before it maps or runs any of it. Weights may be
 * gigabytes and are nothing but numbers: their checksum is in the descriptor (runtime/abi.h), and
 * is compared on request. A file that has lost bytes at its end, or got some, does not end in a
 * seal.
 *
 * Mark and checksum stay the last two fields in every version, so that a loader can tell a file of
 * another version from a damaged one. */
#ifndef TENON_RUNTIME_SEAL_H
#define TENON_RUNTIME_SEAL_H

#include "tenon/runtime.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TENON_SEAL_MARK "TENONEND"

typedef struct tenon_seal {
  uint64_t library_offset;
  uint64_t weights_offset; /* where the sealed bytes end */
  uint64_t weights_bytes;
  uint64_t code_checksum; /* of the bytes before weights_offset */
  uint64_t checksum;      /* of the fields above */
  char mark[8];           /* TENON_SEAL_MARK without the terminator */
} tenon_seal;

/* Fills in checksum and mark. */
void tn_seal_finish(tenon_seal *seal);

/* An open file, of which only pread is used: a file that becomes shorter meanwhile must not end the
 * process, as a mapping would. */
typedef struct tn_file {
  const char *path; /* for messages */
  int fd;
  uint64_t size;
} tn_file;

/* Opens a regular file. The caller closes file->fd if it succeeds. */
tenon_status tn_open_file(const char *path, tn_file *file);
/* Reads bytes that must be there; `what` names them in messages. */
tenon_status tn_read_file(const tn_file *file, const char *what, uint64_t begin, uint64_t bytes,
                          void *data);
/* Whether the file has all of these bytes. */
bool tn_file_has(const tn_file *file, uint64_t begin, uint64_t bytes);

/* Reads the seal and compares all that it covers. *sealed says whether the file ends in a seal at
 * all; only then the status may be something else than TENON_OK, and *seal holds anything. */
tenon_status tn_check_seal(const tn_file *file, tenon_seal *seal, bool *sealed);

#ifdef __cplusplus
}
#endif
#endif
