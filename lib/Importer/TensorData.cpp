// Tensor contents (see the header).
//
// Where the elements can lie: raw_data, external data, or one of five typed fields, of which each
// serves several element types. Wherever they lie as the compiler wants them, they are referred to
// in place; a copy is made only to unpack, to narrow or to align them.

#include "lib/Importer/TensorData.h"
#include "dialects/Tenon/TenonDialect.h"
#include "lib/Importer/ElementTypes.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon {

namespace {
/// Bytes and what keeps them alive.
struct Data {
  ArrayRef<char> bytes;
  std::shared_ptr<void> owner;

  static Data allocate(size_t size, char *&bytes) {
    // A little room keeps vector loads at the end inside of the allocation.
    std::shared_ptr<char> memory(
        static_cast<char *>(llvm::allocate_buffer(size + 64, 64)),
        [size](char *pointer) { llvm::deallocate_buffer(pointer, size + 64, 64); });
    bytes = memory.get();
    return {ArrayRef<char>(bytes, size), std::move(memory)};
  }

  /// Zeros, which cost nothing until they are touched.
  static Data allocateZeros(size_t size, char *&bytes) {
    std::shared_ptr<char> memory(static_cast<char *>(std::calloc(size + 64, 1)), std::free);
    bytes = memory.get();
    return {ArrayRef<char>(bytes, bytes ? size : 0), std::move(memory)};
  }
};
} // namespace

llvm::Expected<int64_t> countElements(ArrayRef<int64_t> dims) {
  if (dims.size() > maxRank)
    return makeError("it has " + Twine(dims.size()) + " dimensions, but at most " + Twine(maxRank) +
                     " are supported");
  int64_t count = 1;
  for (int64_t dim : dims) {
    if (dim < 0)
      return makeError("dimension " + Twine(dim) + " is negative");
    if (dim > maxElements || (dim != 0 && count > maxElements / dim))
      return makeError("its shape has more than 2^46 elements");
    count *= dim;
  }
  return count;
}

llvm::Error checkDims(ArrayRef<AffineExpr> dims) {
  constexpr unsigned maxParts = 512;
  SmallVector<int64_t> sizes;
  for (AffineExpr dim : dims) {
    if (auto constant = dyn_cast<AffineConstantExpr>(dim))
      sizes.push_back(constant.getValue());
    else if (countParts(dim, maxParts) >= maxParts)
      return makeError("a dimension depends on others through too much arithmetic");
    else if (!dependsOnSymbols(dim)) // the rest of an arithmetic that would overflow
      return makeError("a dimension is out of range");
  }
  return countElements(sizes).takeError();
}

/// Elements of a typed field that are stored as they are.
template <typename T>
static Data viewField(const google::protobuf::RepeatedField<T> &field,
                      const std::shared_ptr<ModelFile> &file) {
  return {ArrayRef<char>(reinterpret_cast<const char *>(field.data()), field.size() * sizeof(T)),
          file};
}

/// Elements of a typed field that are narrower in memory than in the field.
template <typename To, typename From>
static Data narrowField(const google::protobuf::RepeatedField<From> &field) {
  char *bytes = nullptr;
  Data data = Data::allocate(field.size() * sizeof(To), bytes);
  for (auto [index, value] : llvm::enumerate(field)) {
    To narrow = static_cast<To>(value);
    std::memcpy(bytes + index * sizeof(To), &narrow, sizeof(To));
  }
  return data;
}

static Data readTypedField(const onnx::TensorProto &tensor,
                           const std::shared_ptr<ModelFile> &file) {
  switch (static_cast<ElementKind>(tensor.data_type())) {
  case ElementKind::Float:
  case ElementKind::Complex64:
    return viewField(tensor.float_data(), file);
  case ElementKind::Double:
  case ElementKind::Complex128:
    return viewField(tensor.double_data(), file);
  case ElementKind::Int64:
    return viewField(tensor.int64_data(), file);
  case ElementKind::UInt64:
    return viewField(tensor.uint64_data(), file);
  case ElementKind::UInt32:
    return narrowField<uint32_t>(tensor.uint64_data());
  case ElementKind::Int32:
    return viewField(tensor.int32_data(), file);
  case ElementKind::Int16:
  case ElementKind::UInt16:
  case ElementKind::Float16:
  case ElementKind::BFloat16:
    return narrowField<uint16_t>(tensor.int32_data());
  default:
    // Bytes; sub-byte types are packed in the field as they are in raw_data.
    return narrowField<uint8_t>(tensor.int32_data());
  }
}

/// Sub-byte elements, first in the low bits, each into a byte of its own: sign-extended for signed
/// integers, as MLIR's dense elements want them.
static Data unpack(ArrayRef<char> packed, int64_t count, unsigned bits, bool isSigned) {
  char *bytes = nullptr;
  Data data = Data::allocate(count, bytes);
  unsigned perByte = 8 / bits;
  for (int64_t index = 0; index < count; ++index) {
    unsigned shift = index % perByte * bits;
    uint8_t value = static_cast<uint8_t>(packed[index / perByte]) >> shift & ((1 << bits) - 1);
    bytes[index] = isSigned ? static_cast<char>(llvm::SignExtend32(value, bits)) : value;
  }
  return data;
}

static Data normalizeBooleans(Data data) {
  if (llvm::all_of(data.bytes, [](char byte) { return byte == 0 || byte == 1; }))
    return data;
  char *bytes = nullptr;
  Data copy = Data::allocate(data.bytes.size(), bytes);
  for (auto [index, byte] : llvm::enumerate(data.bytes))
    bytes[index] = byte != 0;
  return copy;
}

static llvm::Expected<ElementsAttr> importStrings(const onnx::TensorProto &tensor,
                                                  RankedTensorType type) {
  if (tensor.string_data_size() != type.getNumElements())
    return makeError("it has " + Twine(tensor.string_data_size()) +
                     " strings, but its shape needs " + Twine(type.getNumElements()));
  SmallVector<StringRef> strings(tensor.string_data().begin(), tensor.string_data().end());
  return cast<ElementsAttr>(DenseElementsAttr::get(type, strings));
}

ElementsAttr makeElementsAttr(RankedTensorType type, StringRef name, ArrayRef<char> bytes,
                              std::shared_ptr<void> owner) {
  if (bytes.size() <= maxInlineBytes) {
    if (type.getElementType().isInteger(1)) {
      SmallVector<bool> values(bytes.begin(), bytes.end());
      return DenseElementsAttr::get(type, values);
    }
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  }
  size_t elementBytes = std::max<size_t>(1, type.getElementTypeBitWidth() / 8);
  if (reinterpret_cast<uintptr_t>(bytes.data()) % elementBytes != 0) {
    char *copy = nullptr;
    Data data = Data::allocate(bytes.size(), copy);
    std::memcpy(copy, bytes.data(), bytes.size());
    bytes = data.bytes;
    owner = std::move(data.owner);
  }
  size_t alignment = size_t(1) << std::min<unsigned>(
                         6, llvm::countr_zero(reinterpret_cast<uintptr_t>(bytes.data())));
  AsmResourceBlob blob = UnmanagedAsmResourceBlob::allocateWithAlign(
      bytes, alignment, [owner = std::move(owner)](void *, size_t, size_t) {});
  return cast<ElementsAttr>(
      static_cast<Attribute>(DenseResourceElementsAttr::get(type, name, std::move(blob))));
}

namespace {
/// A tensor that has been read: numbers as bytes, strings as an attribute.
struct ReadTensor {
  RankedTensorType type;
  Data data;
};
} // namespace

/// The elements of a tensor of numbers, as makeElementsAttr wants them.
static llvm::Expected<ReadTensor> readNumbers(const onnx::TensorProto &tensor,
                                              const std::shared_ptr<ModelFile> &file,
                                              RankedTensorType type) {
  unsigned bits = getElementBits(tensor.data_type());
  int64_t count = type.getNumElements();
  size_t expectedBytes = llvm::divideCeil(count * bits, 8);
  Data data;
  const char *source = "raw_data";
  if (tensor.data_location() == onnx::TensorProto::EXTERNAL) {
    llvm::Expected<ArrayRef<char>> external = file->externalElements(tensor, expectedBytes);
    if (!external)
      return external.takeError();
    data = {*external, file};
  } else if (tensor.has_raw_data()) {
    data = {ArrayRef<char>(tensor.raw_data().data(), tensor.raw_data().size()), file};
  } else {
    data = readTypedField(tensor, file);
    source = "its typed field";
  }
  if (data.bytes.size() != expectedBytes)
    return makeError(Twine(source) + " holds " + Twine(data.bytes.size()) +
                     " bytes of elements, but its shape needs " + Twine(expectedBytes));
  if (bits < 8)
    data = unpack(data.bytes, count, bits, type.getElementType().isSignlessInteger());
  else if (type.getElementType().isInteger(1))
    data = normalizeBooleans(std::move(data));
  return ReadTensor{type, std::move(data)};
}

static llvm::Expected<RankedTensorType> readType(int32_t dataType, ArrayRef<int64_t> dims,
                                                 MLIRContext *context) {
  Type elementType = getElementType(dataType, context);
  if (!elementType)
    return makeError("element type " + describeElementType(dataType) + " is not supported");
  llvm::Expected<int64_t> count = countElements(dims);
  if (!count)
    return count.takeError();
  return RankedTensorType::get(dims, elementType);
}

llvm::Expected<ElementsAttr> importTensor(const onnx::TensorProto &tensor,
                                          const std::shared_ptr<ModelFile> &file,
                                          MLIRContext *context) {
  SmallVector<int64_t> dims(tensor.dims().begin(), tensor.dims().end());
  llvm::Expected<RankedTensorType> type = readType(tensor.data_type(), dims, context);
  if (!type)
    return type.takeError();
  if (tensor.has_segment())
    return makeError("tensors in segments are not supported");
  if (isa<StringType>(type->getElementType())) {
    if (tensor.data_location() == onnx::TensorProto::EXTERNAL || tensor.has_raw_data())
      return makeError("strings must be in string_data");
    return importStrings(tensor, *type);
  }
  llvm::Expected<ReadTensor> read = readNumbers(tensor, file, *type);
  if (!read)
    return read.takeError();
  return makeElementsAttr(read->type, tensor.name(), read->data.bytes, std::move(read->data.owner));
}

/// The values at their places in a tensor of zeros. Indices are linear ([n]) or coordinates
/// ([n, rank]).
llvm::Expected<ElementsAttr> importSparseTensor(const onnx::SparseTensorProto &sparse,
                                                const std::shared_ptr<ModelFile> &file,
                                                MLIRContext *context) {
  SmallVector<int64_t> dims(sparse.dims().begin(), sparse.dims().end());
  SmallVector<int64_t> indexDims(sparse.indices().dims().begin(), sparse.indices().dims().end());
  SmallVector<int64_t> valueDims(sparse.values().dims().begin(), sparse.values().dims().end());
  int32_t dataType = sparse.values().data_type();
  if (sparse.indices().data_type() != static_cast<int32_t>(ElementKind::Int64))
    return makeError("indices of a sparse tensor must be int64, not " +
                     describeElementType(sparse.indices().data_type()));
  llvm::Expected<RankedTensorType> type = readType(dataType, dims, context);
  if (!type)
    return type.takeError();
  llvm::Expected<RankedTensorType> valueType = readType(dataType, valueDims, context);
  if (!valueType)
    return valueType.takeError();
  llvm::Expected<RankedTensorType> indexType =
      readType(sparse.indices().data_type(), indexDims, context);
  if (!indexType)
    return indexType.takeError();
  if (isa<StringType>(type->getElementType()))
    return makeError("sparse tensors of strings are not supported");
  int64_t rank = dims.size(), count = valueType->getNumElements();
  bool isLinear = indexDims.size() == 1;
  if (valueDims.size() != 1 || indexDims.empty() || indexDims.size() > 2 || indexDims[0] != count ||
      (!isLinear && indexDims[1] != rank))
    return makeError("indices of a sparse tensor do not fit its values");
  llvm::Expected<ReadTensor> values = readNumbers(sparse.values(), file, *valueType);
  if (!values)
    return values.takeError();
  llvm::Expected<ReadTensor> indices = readNumbers(sparse.indices(), file, *indexType);
  if (!indices)
    return indices.takeError();

  // Dense memory for sparse bytes invites tiny files that need all memory.
  constexpr int64_t maxDenseBytes = int64_t(1) << 31;
  int64_t elementBytes = std::max<int64_t>(1, getElementBits(dataType) / 8);
  if (type->getNumElements() > maxDenseBytes / elementBytes)
    return makeError("a sparse tensor is larger than 2 GiB when made dense");
  char *bytes = nullptr;
  Data dense = Data::allocateZeros(type->getNumElements() * elementBytes, bytes);
  if (!bytes)
    return makeError("there is no memory for a sparse tensor made dense");
  for (int64_t number = 0; number < count; ++number) {
    int64_t position = 0;
    for (int64_t axis = 0; axis < (isLinear ? 1 : rank); ++axis) {
      int64_t index = 0, size = isLinear ? type->getNumElements() : dims[axis];
      std::memcpy(&index, indices->data.bytes.data() + 8 * (number * (isLinear ? 1 : rank) + axis),
                  8);
      if (index < 0 || index >= size)
        return makeError("index " + Twine(index) + " of a sparse tensor is out of bounds");
      position = position * size + index;
    }
    std::memcpy(bytes + position * elementBytes, values->data.bytes.data() + number * elementBytes,
                elementBytes);
  }
  return makeElementsAttr(*type, sparse.values().name(), dense.bytes, std::move(dense.owner));
}

} // namespace tenon
