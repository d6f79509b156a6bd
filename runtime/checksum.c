/* Blocks of 32 bytes go to four lanes, a word each; at the end the lanes are folded into one word,
 * which takes in the rest and is mixed once more. Names and steps are those of the specification.
 */
#include "runtime/checksum.h"

#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "checksum.c: words are read as the machine stores them, which must be little-endian"
#endif

static const uint64_t P1 = 0x9E3779B185EBCA87, P2 = 0xC2B2AE3D27D4EB4F, P3 = 0x165667B19E3779F9,
                      P4 = 0x85EBCA77C2B2AE63, P5 = 0x27D4EB2F165667C5;

enum { BLOCK = 32 };

static uint64_t rotate(uint64_t value, int bits) { return value << bits | value >> (64 - bits); }

static uint64_t read64(const unsigned char *data) {
  uint64_t value;
  memcpy(&value, data, sizeof value);
  return value;
}

static uint64_t read32(const unsigned char *data) {
  uint32_t value;
  memcpy(&value, data, sizeof value);
  return value;
}

static uint64_t round64(uint64_t lane, uint64_t word) { return rotate(lane + word * P2, 31) * P1; }

static void add_blocks(uint64_t *lanes, const unsigned char *data, size_t blocks) {
  uint64_t a = lanes[0], b = lanes[1], c = lanes[2], d = lanes[3];
  for (; blocks; --blocks, data += BLOCK) {
    a = round64(a, read64(data));
    b = round64(b, read64(data + 8));
    c = round64(c, read64(data + 16));
    d = round64(d, read64(data + 24));
  }
  lanes[0] = a, lanes[1] = b, lanes[2] = c, lanes[3] = d;
}

void tn_checksum_init(tn_checksum *sum) { *sum = (tn_checksum){.lanes = {P1 + P2, P2, 0, -P1}}; }

void tn_checksum_update(tn_checksum *sum, const void *data, size_t bytes) {
  const unsigned char *at = data;
  size_t waiting = sum->bytes % BLOCK;
  sum->bytes += bytes;
  if (waiting) {
    size_t wanted = BLOCK - waiting;
    if (bytes < wanted) {
      if (bytes)
        memcpy(sum->pending + waiting, at, bytes);
      return;
    }
    memcpy(sum->pending + waiting, at, wanted);
    add_blocks(sum->lanes, sum->pending, 1);
    at += wanted;
    bytes -= wanted;
  }
  add_blocks(sum->lanes, at, bytes / BLOCK);
  if (bytes % BLOCK)
    memcpy(sum->pending, at + bytes / BLOCK * BLOCK, bytes % BLOCK);
}

static uint64_t fold_lanes(const uint64_t *lanes) {
  uint64_t hash =
      rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18);
  for (int i = 0; i < 4; ++i)
    hash = (hash ^ round64(0, lanes[i])) * P1 + P4;
  return hash;
}

uint64_t tn_checksum_value(const tn_checksum *sum) {
  uint64_t hash = sum->bytes >= BLOCK ? fold_lanes(sum->lanes) : P5;
  hash += sum->bytes;
  const unsigned char *at = sum->pending, *end = at + sum->bytes % BLOCK;
  for (; end - at >= 8; at += 8)
    hash = rotate(hash ^ round64(0, read64(at)), 27) * P1 + P4;
  for (; end - at >= 4; at += 4)
    hash = rotate(hash ^ read32(at) * P1, 23) * P2 + P3;
  for (; at < end; ++at)
    hash = rotate(hash ^ *at * P5, 11) * P1;
  hash = (hash ^ hash >> 33) * P2;
  hash = (hash ^ hash >> 29) * P3;
  return hash ^ hash >> 32;
}

uint64_t tn_checksum_of(const void *data, size_t bytes) {
  tn_checksum sum;
  tn_checksum_init(&sum);
  tn_checksum_update(&sum, data, bytes);
  return tn_checksum_value(&sum);
}
