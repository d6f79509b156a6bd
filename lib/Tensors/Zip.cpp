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

/// zlib counts in 32 bits, and pieces of this size stay in the cache.
static constexpr uint64_t pieceBytes = 1 << 18;

namespace {

/// A raw deflate stream.
class Inflater {
public:
  Inflater() { isOpen = inflateInit2(&stream, -MAX_WBITS) == Z_OK; }
  ~Inflater() {
    if (isOpen)
      inflateEnd(&stream);
  }

  llvm::Error run(llvm::StringRef packed,
                  llvm::function_ref<llvm::Error(llvm::ArrayRef<char>)> write) {
    int status = isOpen ? Z_OK : Z_MEM_ERROR;
    std::vector<char> piece(pieceBytes);
    stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(packed.data()));
    uint64_t left = packed.size();
    while (status == Z_OK) {
      auto given = static_cast<uInt>(std::min(left, pieceBytes));
      stream.avail_in = given;
      stream.next_out = reinterpret_cast<Bytef *>(piece.data());
      stream.avail_out = static_cast<uInt>(piece.size());
      status = inflate(&stream, Z_NO_FLUSH);
      left -= given - stream.avail_in;
      if (llvm::Error error =
              write(llvm::ArrayRef(piece).take_front(piece.size() - stream.avail_out)))
        return error;
    }
    return status == Z_STREAM_END ? llvm::Error::success() : makeError("is damaged");
  }

private:
  z_stream stream{};
  bool isOpen = false;
};

} // namespace

llvm::Error unpackZipMember(const ZipMember &member,
                            llvm::function_ref<llvm::Error(llvm::ArrayRef<char>)> write) {
  // Deflate packs no better than 1 : 1032; more is a damaged or hostile size.
  if (member.size / 1032 > member.packed.size() + 1)
    return makeError("has an impossible size");
  uint64_t size = 0;
  uint32_t checksum = 0;
  auto take = [&](llvm::ArrayRef<char> piece) -> llvm::Error {
    size += piece.size();
    if (size > member.size)
      return makeError("is damaged: it is longer than the directory says");
    checksum = crc32_z(checksum, reinterpret_cast<const Bytef *>(piece.data()), piece.size());
    return write(piece);
  };
  llvm::ArrayRef<char> stored(member.packed.data(), member.packed.size());
  if (llvm::Error error = member.isStored ? take(stored) : Inflater().run(member.packed, take))
    return error;
  if (size != member.size || checksum != member.checksum)
    return makeError("is damaged: its checksum is another");
  return llvm::Error::success();
}

/// Where the local header says that an entry's contents are.
static llvm::Error findContents(llvm::StringRef archive, const Location &location, uint16_t method,
                                ZipMember &member) {
  Reader reader{archive};
  if (reader.u32(location.offset) != localMark)
    return makeError("is not where the directory says");
  uint64_t start =
      location.offset + 30 + reader.u16(location.offset + 26) + reader.u16(location.offset + 28);
  if (start > archive.size() || location.packedSize > archive.size() - start)
    return makeError("is truncated");
  if (method != 0 && method != 8)
    return makeError("is packed with method " + llvm::Twine(method) + ", which is not supported");
  member.packed = archive.substr(start, location.packedSize);
  member.size = location.size;
  member.checksum = location.checksum;
  member.isStored = method == 0;
  return llvm::Error::success();
}

llvm::Expected<std::vector<ZipMember>> listZip(llvm::StringRef archive) {
  Reader reader{archive};
  // The end record is the last thing but for a comment of at most 64 KiB.
  size_t end = archive.rfind(llvm::StringRef("PK\5\6", 4));
  if (end == llvm::StringRef::npos || reader.u32(end) != endMark)
    return makeError("is not a zip archive, or truncated");
  uint64_t count = reader.u16(end + 10), at = reader.u32(end + 16);
  std::vector<ZipMember> members;
  for (uint64_t i = 0; i < count; ++i) {
    if (reader.u32(at) != directoryMark)
      return makeError("has a damaged directory");
    uint64_t nameSize = reader.u16(at + 28), extraSize = reader.u16(at + 30);
    Location location{reader.u32(at + 20), reader.u32(at + 24), reader.u32(at + 42),
                      reader.u32(at + 16)};
    applyZip64(reader, at + 46 + nameSize, extraSize, location);
    ZipMember member;
    member.name = archive.substr(at + 46, nameSize).str();
    if (llvm::Error error = findContents(archive, location, reader.u16(at + 10), member))
      return makeError("entry '" + member.name + "' " + llvm::toString(std::move(error)));
    members.push_back(std::move(member));
    at += 46 + nameSize + extraSize + reader.u16(at + 32);
  }
  return members;
}

llvm::Expected<std::vector<ZipEntry>> readZip(llvm::StringRef archive) {
  llvm::Expected<std::vector<ZipMember>> members = listZip(archive);
  if (!members)
    return members.takeError();
  std::vector<ZipEntry> entries;
  for (const ZipMember &member : *members) {
    ZipEntry entry{member.name, {}};
    llvm::Error error = unpackZipMember(member, [&](llvm::ArrayRef<char> piece) {
      entry.contents.append(piece.begin(), piece.end());
      return llvm::Error::success();
    });
    if (error)
      return makeError("entry '" + member.name + "' " + llvm::toString(std::move(error)));
    entries.push_back(std::move(entry));
  }
  return entries;
}

} // namespace tenon
