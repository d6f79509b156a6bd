// An archive is read from its end: the end record says where the central directory is, which says
// where the entries are (PKWARE's APPNOTE.TXT, section 4.3).

#include "lib/Tensors/Zip.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Endian.h"
#include <zlib.h>

namespace tenon {

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

namespace {

/// Little-endian numbers at places that may be beyond the end, where they are zero: a zero never
/// leads to a valid record.
struct Reader {
  llvm::StringRef bytes;

  template <typename T> T get(uint64_t at) const {
    if (at > bytes.size() || sizeof(T) > bytes.size() - at)
      return 0;
    return llvm::support::endian::read<T, llvm::endianness::little>(bytes.data() + at);
  }
  uint16_t u16(uint64_t at) const { return get<uint16_t>(at); }
  uint32_t u32(uint64_t at) const { return get<uint32_t>(at); }
  uint64_t u64(uint64_t at) const { return get<uint64_t>(at); }
};

struct Location {
  uint64_t packedSize, size, offset;
  uint32_t checksum; // CRC-32 of what was packed
};

} // namespace

static constexpr uint32_t endMark = 0x06054b50, directoryMark = 0x02014b50, localMark = 0x04034b50;

/// Replaces what did not fit into 32 bits with the numbers of the zip64 extra field, which has
/// exactly those, in this order.
static void applyZip64(const Reader &reader, uint64_t extra, uint64_t extraSize,
                       Location &location) {
  for (uint64_t at = extra; at + 4 <= extra + extraSize; at += 4 + reader.u16(at + 2)) {
    if (reader.u16(at) != 1)
      continue;
    uint64_t field = at + 4;
    for (uint64_t *number : {&location.size, &location.packedSize, &location.offset})
      if (*number == 0xffffffff) {
        *number = reader.u64(field);
        field += 8;
      }
    return;
  }
}

static llvm::Expected<std::string> inflateRaw(llvm::StringRef packed, uint64_t size) {
  // Deflate packs no better than 1 : 1032; more is a damaged or hostile size.
  if (size / 1032 > packed.size() + 1)
    return makeError("has an impossible size");
  std::string result(size, '\0');
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
    return makeError("cannot be unpacked");
  stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(packed.data()));
  stream.next_out = reinterpret_cast<Bytef *>(result.data());
  uint64_t leftIn = packed.size(), leftOut = size;
  int status = Z_OK;
  // zlib counts in 32 bits.
  while (status == Z_OK) {
    auto chunkIn = static_cast<uInt>(std::min<uint64_t>(leftIn, 1 << 30));
    auto chunkOut = static_cast<uInt>(std::min<uint64_t>(leftOut, 1 << 30));
    stream.avail_in = chunkIn;
    stream.avail_out = chunkOut;
    status = inflate(&stream, Z_NO_FLUSH);
    leftIn -= chunkIn - stream.avail_in;
    leftOut -= chunkOut - stream.avail_out;
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END || leftOut)
    return makeError("is damaged");
  return result;
}

static llvm::Expected<std::string> unpackEntry(llvm::StringRef archive, const Location &location,
                                               uint16_t method) {
  Reader reader{archive};
  if (reader.u32(location.offset) != localMark)
    return makeError("is not where the directory says");
  uint64_t start =
      location.offset + 30 + reader.u16(location.offset + 26) + reader.u16(location.offset + 28);
  if (start > archive.size() || location.packedSize > archive.size() - start)
    return makeError("is truncated");
  llvm::StringRef packed = archive.substr(start, location.packedSize);
  if (method == 0)
    return packed.str();
  if (method == 8)
    return inflateRaw(packed, location.size);
  return makeError("is packed with method " + llvm::Twine(method) + ", which is not supported");
}

static llvm::Expected<std::string> readEntry(llvm::StringRef archive, const Location &location,
                                             uint16_t method) {
  llvm::Expected<std::string> contents = unpackEntry(archive, location, method);
  if (!contents)
    return contents;
  auto *bytes = reinterpret_cast<const Bytef *>(contents->data());
  if (contents->size() != location.size || crc32_z(0, bytes, contents->size()) != location.checksum)
    return makeError("is damaged: its checksum is another");
  return contents;
}

llvm::Expected<std::vector<ZipEntry>> readZip(llvm::StringRef archive) {
  Reader reader{archive};
  // The end record is the last thing but for a comment of at most 64 KiB.
  size_t end = archive.rfind(llvm::StringRef("PK\5\6", 4));
  if (end == llvm::StringRef::npos || reader.u32(end) != endMark)
    return makeError("is not a zip archive, or truncated");
  uint64_t count = reader.u16(end + 10), at = reader.u32(end + 16);
  std::vector<ZipEntry> entries;
  for (uint64_t i = 0; i < count; ++i) {
    if (reader.u32(at) != directoryMark)
      return makeError("has a damaged directory");
    uint64_t nameSize = reader.u16(at + 28), extraSize = reader.u16(at + 30);
    Location location{reader.u32(at + 20), reader.u32(at + 24), reader.u32(at + 42),
                      reader.u32(at + 16)};
    applyZip64(reader, at + 46 + nameSize, extraSize, location);
    ZipEntry entry;
    entry.name = archive.substr(at + 46, nameSize).str();
    llvm::Expected<std::string> contents = readEntry(archive, location, reader.u16(at + 10));
    if (!contents)
      return makeError("entry '" + entry.name + "' " + llvm::toString(contents.takeError()));
    entry.contents = std::move(*contents);
    entries.push_back(std::move(entry));
    at += 46 + nameSize + extraSize + reader.u16(at + 32);
  }
  return entries;
}

} // namespace tenon
