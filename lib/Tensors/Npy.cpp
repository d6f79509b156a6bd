// The header of an .npy file is the text of a Python dictionary with three known keys (NumPy's
// documentation of numpy.lib.format).

#include "lib/Tensors/Npy.h"
#include "lib/Support/Files.h"
#include "lib/Tensors/Zip.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cstring>

namespace tenon {

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

namespace {

struct TypeCode {
  int32_t dtype;
  llvm::StringLiteral descr;
};

struct Header {
  std::string descr;
  bool fortranOrder = false;
  std::vector<int64_t> dims;
  size_t dataOffset = 0;
};

} // namespace

// NumPy itself has no bfloat16; ml_dtypes stores it as two bytes of no known type.
static constexpr TypeCode typeCodes[] = {
    {TENON_FLOAT, "<f4"},     {TENON_DOUBLE, "<f8"},      {TENON_FLOAT16, "<f2"},
    {TENON_INT8, "|i1"},      {TENON_INT16, "<i2"},       {TENON_INT32, "<i4"},
    {TENON_INT64, "<i8"},     {TENON_UINT8, "|u1"},       {TENON_UINT16, "<u2"},
    {TENON_UINT32, "<u4"},    {TENON_UINT64, "<u8"},      {TENON_BOOL, "|b1"},
    {TENON_COMPLEX64, "<c8"}, {TENON_COMPLEX128, "<c16"}, {TENON_BFLOAT16, "<V2"},
};

/// The text behind a key of the dictionary; empty if the key is not there.
static llvm::StringRef findValue(llvm::StringRef dictionary, llvm::StringRef key) {
  size_t at = dictionary.find(key);
  if (at == llvm::StringRef::npos)
    return "";
  return dictionary.substr(at + key.size()).ltrim().ltrim(":").ltrim();
}

static llvm::Expected<Header> parseHeader(llvm::StringRef bytes) {
  if (!bytes.starts_with("\x93NUMPY") || bytes.size() < 12)
    return makeError("is not an .npy file");
  auto byte = [&](size_t at) { return size_t(static_cast<uint8_t>(bytes[at])); };
  bool isLong = bytes[6] > 1;
  size_t start = isLong ? 12 : 10, length = byte(8) | byte(9) << 8;
  if (isLong)
    length |= byte(10) << 16 | byte(11) << 24;
  if (length > bytes.size() - start)
    return makeError("is truncated");
  llvm::StringRef text = bytes.substr(start, length);
  llvm::StringRef descr = findValue(text, "'descr'"), order = findValue(text, "'fortran_order'"),
                  shape = findValue(text, "'shape'");
  if (!descr.consume_front("'") || order.empty() || !shape.consume_front("("))
    return makeError("has a damaged header");
  Header header;
  header.descr = descr.take_until([](char c) { return c == '\''; }).str();
  header.fortranOrder = order.starts_with("True");
  header.dataOffset = start + length;
  llvm::SmallVector<llvm::StringRef> parts;
  shape.take_until([](char c) { return c == ')'; }).split(parts, ',', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef part : parts) {
    int64_t dim = 0;
    if (part.trim().empty())
      continue;
    if (part.trim().getAsInteger(10, dim) || dim < 0)
      return makeError("has the bad dimension '" + part.trim() + "'");
    header.dims.push_back(dim);
  }
  return header;
}

/// Fixed-width strings: `width` characters each, of 1 byte ('S') or 4 ('U'), padded with zeros.
static llvm::Error readStrings(llvm::StringRef data, char kind, size_t width, Tensor &tensor) {
  size_t bytesEach = width * (kind == 'U' ? 4 : 1);
  if (data.size() / std::max<size_t>(1, bytesEach) < tensor.strings.size())
    return makeError("is truncated");
  for (auto [i, text] : llvm::enumerate(tensor.strings)) {
    llvm::StringRef field = data.substr(i * bytesEach, bytesEach);
    if (kind == 'U') {
      llvm::SmallVector<llvm::UTF32> characters(width);
      std::memcpy(characters.data(), field.data(), field.size());
      while (!characters.empty() && characters.back() == 0)
        characters.pop_back();
      if (!llvm::convertUTF32ToUTF8String(characters, text))
        return makeError("has a string that is not Unicode");
    } else {
      text = field.rtrim('\0').str();
    }
  }
  return llvm::Error::success();
}

/// Elements that lie column by column, row by row.
static std::vector<char> toRowMajor(llvm::StringRef data, llvm::ArrayRef<int64_t> dims,
                                    size_t elementBytes) {
  std::vector<char> result(data.size());
  if (data.empty())
    return result;
  llvm::SmallVector<int64_t> index(dims.size(), 0), strides(dims.size(), 1);
  for (size_t axis = 1; axis < dims.size(); ++axis)
    strides[axis] = strides[axis - 1] * dims[axis - 1];
  for (size_t to = 0; to < result.size(); to += elementBytes) {
    int64_t from = 0;
    for (size_t axis = 0; axis < dims.size(); ++axis)
      from += index[axis] * strides[axis];
    std::memcpy(&result[to], data.data() + from * elementBytes, elementBytes);
    for (size_t axis = dims.size(); axis-- > 0;) {
      if (++index[axis] < dims[axis])
        break;
      index[axis] = 0;
    }
  }
  return result;
}

llvm::Expected<std::optional<NpyLayout>> findNpyElements(llvm::StringRef bytes) {
  llvm::Expected<Header> header = parseHeader(bytes);
  if (!header)
    return header.takeError();
  const TypeCode *code =
      llvm::find_if(typeCodes, [&](auto &c) { return c.descr == header->descr; });
  if (code == std::end(typeCodes) || (header->fortranOrder && header->dims.size() > 1))
    return std::nullopt;
  int64_t size = tenon_tensor_bytes(code->dtype, static_cast<int32_t>(header->dims.size()),
                                    header->dims.data());
  if (size < 0 || static_cast<uint64_t>(size) > bytes.size() - header->dataOffset)
    return makeError("is truncated");
  return NpyLayout{code->dtype, std::move(header->dims), header->dataOffset};
}

llvm::Expected<Tensor> parseNpy(llvm::StringRef bytes) {
  llvm::Expected<Header> header = parseHeader(bytes);
  if (!header)
    return header.takeError();
  llvm::StringRef data = bytes.drop_front(header->dataOffset), descr = header->descr;
  const TypeCode *code = llvm::find_if(typeCodes, [&](auto &c) { return c.descr == descr; });
  bool isKnown = code != std::end(typeCodes);
  size_t width = 0;
  bool isString = descr.size() > 2 && (descr[1] == 'U' || descr[1] == 'S') && descr[0] != '>' &&
                  !descr.drop_front(2).getAsInteger(10, width) && width < (1u << 30);
  if (!isKnown && !isString)
    return makeError("has elements of type '" + descr + "', which is not supported");
  // Nothing is allocated for what the file does not hold.
  int64_t size = isString
                     ? 0
                     : tenon_tensor_bytes(code->dtype, static_cast<int32_t>(header->dims.size()),
                                          header->dims.data());
  if (size < 0 || static_cast<uint64_t>(size) > data.size())
    return makeError("is truncated");
  if (isString) {
    int64_t count = tenon_tensor_bytes(TENON_UINT8, static_cast<int32_t>(header->dims.size()),
                                       header->dims.data());
    if (count < 0 || static_cast<uint64_t>(count) > data.size())
      return makeError("is truncated");
  }
  llvm::Expected<Tensor> tensor =
      Tensor::create(isString ? int32_t(TENON_STRING) : code->dtype, header->dims);
  if (!tensor)
    return tensor.takeError();
  if (isString) {
    if (header->fortranOrder && header->dims.size() > 1)
      return makeError("has strings in Fortran order, which is not supported");
    if (llvm::Error error = readStrings(data, descr[1], width, *tensor))
      return std::move(error);
    return tensor;
  }
  data = data.take_front(size);
  if (header->fortranOrder && header->dims.size() > 1)
    tensor->bytes =
        toRowMajor(data, header->dims, static_cast<size_t>(tenon_dtype_bits(tensor->dtype)) / 8);
  else
    tensor->bytes.assign(data.begin(), data.end());
  return tensor;
}

/// Unicode strings of equal width, as `descr` says.
static llvm::Expected<std::string> formatStrings(const Tensor &tensor, std::string &descr) {
  std::vector<std::vector<llvm::UTF32>> texts;
  size_t width = 1;
  for (const std::string &text : tensor.strings) {
    std::vector<llvm::UTF32> characters(text.size() + 1);
    auto *from = reinterpret_cast<const llvm::UTF8 *>(text.data());
    llvm::UTF32 *to = characters.data();
    if (llvm::ConvertUTF8toUTF32(&from, from + text.size(), &to, to + text.size(),
                                 llvm::strictConversion) != llvm::conversionOK)
      return makeError("a string is not UTF-8");
    characters.resize(to - characters.data());
    width = std::max(width, characters.size());
    texts.push_back(std::move(characters));
  }
  descr = "<U" + std::to_string(width);
  std::string data(texts.size() * width * 4, '\0');
  for (auto [i, characters] : llvm::enumerate(texts))
    std::memcpy(&data[i * width * 4], characters.data(), characters.size() * 4);
  return data;
}

llvm::Expected<std::string> formatNpy(const Tensor &tensor) {
  std::string descr, data;
  if (tensor.dtype == TENON_STRING) {
    llvm::Expected<std::string> strings = formatStrings(tensor, descr);
    if (!strings)
      return strings.takeError();
    data = std::move(*strings);
  } else if (tenon_dtype_bits(tensor.dtype) < 8) {
    bool isInteger = !isFloatingPoint(tensor.dtype);
    bool isSigned = tensor.dtype == TENON_INT4 || tensor.dtype == TENON_INT2;
    Tensor wide;
    wide.dtype = !isInteger ? TENON_FLOAT : isSigned ? TENON_INT8 : TENON_UINT8;
    wide.dims = tensor.dims;
    wide.bytes.resize(tensor.numElements() * (isInteger ? 1 : 4));
    for (int64_t i = 0; i < tensor.numElements(); ++i)
      wide.setElement(i, tensor.element(i));
    return formatNpy(wide);
  } else {
    const TypeCode *code =
        llvm::find_if(typeCodes, [&](auto &c) { return c.dtype == tensor.dtype; });
    descr = code != std::end(typeCodes) ? code->descr.str() : "|V1"; // 8-bit floats
    data.assign(tensor.bytes.begin(), tensor.bytes.end());
  }
  std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (";
  for (int64_t dim : tensor.dims)
    header += std::to_string(dim) + ",";
  header += "), }";
  // Magic, version and length take 10 bytes; the data must start at a multiple of 64.
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string file("\x93NUMPY\x01\x00", 8);
  file += static_cast<char>(header.size() & 255);
  file += static_cast<char>(header.size() >> 8);
  return file + header + data;
}

llvm::Expected<Tensor> readNpyFile(llvm::StringRef path) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return makeError(path + ": cannot be read: " + file.getError().message());
  llvm::Expected<Tensor> tensor = parseNpy((*file)->getBuffer());
  if (!tensor)
    return makeError(path + ": " + llvm::toString(tensor.takeError()));
  return tensor;
}

llvm::Expected<std::vector<NamedTensor>> readNpzFile(llvm::StringRef path) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return makeError(path + ": cannot be read: " + file.getError().message());
  llvm::Expected<std::vector<ZipEntry>> entries = readZip((*file)->getBuffer());
  if (!entries)
    return makeError(path + ": " + llvm::toString(entries.takeError()));
  std::vector<NamedTensor> tensors;
  for (const ZipEntry &entry : *entries) {
    llvm::StringRef name = entry.name;
    if (!name.consume_back(".npy"))
      continue;
    llvm::Expected<Tensor> tensor = parseNpy(entry.contents);
    if (!tensor)
      return makeError(path + ": array '" + name + "' " + llvm::toString(tensor.takeError()));
    tensors.push_back({name.str(), std::move(*tensor)});
  }
  return tensors;
}

llvm::Error writeNpyFile(llvm::StringRef path, const Tensor &tensor) {
  llvm::Expected<std::string> contents = formatNpy(tensor);
  if (!contents)
    return makeError(path + ": cannot be written: " + llvm::toString(contents.takeError()));
  return writeFile(path, *contents);
}

} // namespace tenon
