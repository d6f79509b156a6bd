/* XXH64, the checksum of what Tenon writes (github.com/Cyan4973/xxHash, doc/xxhash_spec.md).
 *
 * Every step maps different inputs to different states, so a single damaged word always shows, and
 * whatever else happens to a file does so but once in 2^64 times. It needs no tables and no special
 * instructions for about 10 GB/s, and data may come in pieces: the compiler adds constants as they
 * come, the loader reads files block by block. It is no protection against somebody who means it.
 */
#ifndef TENON_RUNTIME_CHECKSUM_H
#define TENON_RUNTIME_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tn_checksum {
  uint64_t lanes[4];
  uint64_t bytes;            /* so far */
  unsigned char pending[32]; /* bytes % 32 of them, until a block is full */
} tn_checksum;

/* The seed is 0 throughout. */
void tn_checksum_init(tn_checksum *sum);
void tn_checksum_update(tn_checksum *sum, const void *data, size_t bytes);
/* The checksum of all data so far; more may follow. */
uint64_t tn_checksum_value(const tn_checksum *sum);

/* The checksum of data in one piece. */
uint64_t tn_checksum_of(const void *data, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
