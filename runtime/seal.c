/* The seal and what it covers (seal.h). */
#include "runtime/seal.h"
#include "runtime/checksum.h"
#include "runtime/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t checksum_of_fields(const tenon_seal *seal) {
  return tn_checksum_of(seal, offsetof(tenon_seal, checksum));
}

void tn_seal_finish(tenon_seal *seal) {
  seal->checksum = checksum_of_fields(seal);
  memcpy(seal->mark, TENON_SEAL_MARK, sizeof seal->mark);
}

tenon_status tn_open_file(const char *path, tn_file *file) {
  // Not blocking: a path that names a pipe must not wait for a writer.
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat info;
  if (fd < 0 || fstat(fd, &info)) {
    tenon_status status = tn_fail(TENON_FILE_ERROR, "%s: %s", path, strerror(errno));
    if (fd >= 0)
      close(fd);
    return status;
  }
  if (!S_ISREG(info.st_mode)) {
    close(fd);
    return tn_fail(TENON_FILE_ERROR, "%s: not a file", path);
  }
  *file = (tn_file){path, fd, (uint64_t)info.st_size};
  return TENON_OK;
}

bool tn_file_has(const tn_file *file, uint64_t begin, uint64_t bytes) {
  return begin <= file->size && bytes <= file->size - begin;
}

tenon_status tn_read_file(const tn_file *file, const char *what, uint64_t begin, uint64_t bytes,
                          void *data) {
  for (uint64_t done = 0; done < bytes;) {
    ssize_t n = pread(file->fd, (char *)data + done, bytes - done, (off_t)(begin + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return tn_fail(TENON_FILE_ERROR, "%s: cannot read %s: %s", file->path, what,
                     n < 0 ? strerror(errno) : "the file has become shorter");
    done += (uint64_t)n;
  }
  return TENON_OK;
}

static tenon_status sum_code(const tn_file *file, uint64_t bytes, uint64_t *value) {
  // Small enough to stay in the second-level cache between reading and summing.
  char block[1 << 15];
  tn_checksum sum;
  tn_checksum_init(&sum);
  for (uint64_t at = 0; at < bytes;) {
    uint64_t part = bytes - at < sizeof block ? bytes - at : sizeof block;
    tenon_status status = tn_read_file(file, "the code", at, part, block);
    if (status)
      return status;
    tn_checksum_update(&sum, block, part);
    at += part;
  }
  *value = tn_checksum_value(&sum);
  return TENON_OK;
}

/* `end` is where the seal begins. */
static tenon_status check_sealed(const tn_file *file, const tenon_seal *seal, uint64_t end) {
  if (checksum_of_fields(seal) != seal->checksum)
    return tn_fail(TENON_INVALID_MODEL,
                   "%s: damaged: its seal has the checksum %016llx, not %016llx", file->path,
                   (unsigned long long)checksum_of_fields(seal),
                   (unsigned long long)seal->checksum);
  if (seal->weights_offset > end || seal->weights_bytes != end - seal->weights_offset ||
      seal->library_offset > seal->weights_offset)
    return tn_fail(TENON_INVALID_MODEL,
                   "%s: truncated or extended: weights of %llu bytes begin at byte %llu, but the "
                   "seal at %llu",
                   file->path, (unsigned long long)seal->weights_bytes,
                   (unsigned long long)seal->weights_offset, (unsigned long long)end);
  uint64_t value = 0;
  tenon_status status = sum_code(file, seal->weights_offset, &value);
  if (!status && value != seal->code_checksum)
    status =
        tn_fail(TENON_INVALID_MODEL, "%s: damaged: its code has the checksum %016llx, not %016llx",
                file->path, (unsigned long long)value, (unsigned long long)seal->code_checksum);
  return status;
}

tenon_status tn_check_seal(const tn_file *file, tenon_seal *seal, bool *sealed) {
  *sealed = false;
  if (file->size < sizeof *seal)
    return TENON_OK;
  uint64_t end = file->size - sizeof *seal;
  tenon_status status = tn_read_file(file, "the seal", end, sizeof *seal, seal);
  if (status)
    return status;
  *sealed = memcmp(seal->mark, TENON_SEAL_MARK, sizeof seal->mark) == 0;
  return *sealed ? check_sealed(file, seal, end) : TENON_OK;
}
