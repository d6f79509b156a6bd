// Element types narrower than a byte are packed, first element in the low bits; small floating
// point types go through tables that APFloat fills.

#include "lib/Tensors/Tensor.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/APInt.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include <array>
#include <cmath>
#include <cstring>

namespace tenon {

/// The format of a floating point type of at most 16 bits; null for other types.
static const llvm::fltSemantics *smallFloatFormat(int32_t dtype) {
  switch (dtype) {
  case TENON_FLOAT16:
    return &llvm::APFloat::IEEEhalf();
  case TENON_BFLOAT16:
    return &llvm::APFloat::BFloat();
  case TENON_FLOAT8E4M3FN:
    return &llvm::APFloat::Float8E4M3FN();
  case TENON_FLOAT8E4M3FNUZ:
    return &llvm::APFloat::Float8E4M3FNUZ();
  case TENON_FLOAT8E5M2:
    return &llvm::APFloat::Float8E5M2();
  case TENON_FLOAT8E5M2FNUZ:
    return &llvm::APFloat::Float8E5M2FNUZ();
  case TENON_FLOAT4E2M1:
    return &llvm::APFloat::Float4E2M1FN();
  case TENON_FLOAT8E8M0:
    return &llvm::APFloat::Float8E8M0FNU();
  default:
    return nullptr;
  }
}

bool isFloatingPoint(int32_t dtype) {
  return dtype == TENON_FLOAT || dtype == TENON_DOUBLE || smallFloatFormat(dtype);
}

static bool isSignedInteger(int32_t dtype) {
  switch (dtype) {
  case TENON_INT2:
  case TENON_INT4:
  case TENON_INT8:
  case TENON_INT16:
  case TENON_INT32:
  case TENON_INT64:
    return true;
  default:
    return false;
  }
}

static double decodeSmallFloat(const llvm::fltSemantics &format, unsigned bits, uint64_t value) {
  llvm::APFloat number(format, llvm::APInt(bits, value));
  bool losesInfo = false;
  number.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

static uint64_t encodeSmallFloat(const llvm::fltSemantics &format, double value) {
  llvm::APFloat number(value);
  bool losesInfo = false;
  number.convert(format, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.bitcastToAPInt().getZExtValue();
}

/// Half precision is common enough in outputs to deserve more than APFloat's speed.
static double decodeHalf(uint16_t bits) {
  int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  double sign = bits >> 15 ? -1 : 1;
  if (exponent == 31)
    return mantissa ? std::nan("") : sign * INFINITY;
  if (exponent == 0)
    return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(mantissa + 1024, exponent - 25);
}

llvm::Expected<Tensor> Tensor::create(int32_t dtype, llvm::ArrayRef<int64_t> dims) {
  Tensor tensor;
  tensor.dtype = dtype;
  tensor.dims = dims.vec();
  int64_t size = tenon_tensor_bytes(dtype, static_cast<int32_t>(dims.size()), dims.data());
  // A model may be made of nonsense; what no machine holds is refused instead of tried.
  if (size < 0 || size > int64_t(1) << 40)
    return llvm::createStringError("a tensor " + describeTensorType(dtype, dims) +
                                   " cannot be held in memory");
  if (dtype == TENON_STRING)
    tensor.strings.resize(tensor.numElements());
  else
    tensor.bytes.resize(size);
  return tensor;
}

Tensor Tensor::copy(const tenon_tensor &from) {
  Tensor tensor;
  tensor.dtype = from.dtype;
  tensor.dims.assign(from.dims, from.dims + from.rank);
  auto *data = static_cast<const char *>(from.data);
  if (from.dtype == TENON_STRING) {
    auto *strings = static_cast<const tenon_string *>(from.data);
    for (int64_t i = 0; i < tensor.numElements(); ++i)
      tensor.strings.emplace_back(strings[i].bytes ? strings[i].data : "", strings[i].bytes);
  } else {
    tensor.bytes.assign(data, data + from.bytes);
  }
  return tensor;
}

int64_t Tensor::numElements() const {
  // The product of the others may be any.
  if (llvm::is_contained(dims, 0))
    return 0;
  int64_t count = 1;
  for (int64_t dim : dims)
    count *= dim;
  return count;
}

template <typename T> static T load(const char *from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// The bits of an element of at most 64 bits.
static uint64_t loadBits(const std::vector<char> &bytes, unsigned bits, int64_t index) {
  if (bits < 8) {
    unsigned perByte = 8 / bits;
    auto byte = static_cast<uint8_t>(bytes[index / perByte]);
    return byte >> index % perByte * bits & ((1u << bits) - 1);
  }
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + index * (bits / 8), bits / 8);
  return value;
}

double Tensor::element(int64_t index) const {
  if (dtype == TENON_FLOAT)
    return load<float>(bytes.data() + 4 * index);
  if (dtype == TENON_DOUBLE)
    return load<double>(bytes.data() + 8 * index);
  if (dtype == TENON_COMPLEX64)
    return load<float>(bytes.data() + 8 * index);
  if (dtype == TENON_COMPLEX128)
    return load<double>(bytes.data() + 16 * index);
  auto bits = static_cast<unsigned>(tenon_dtype_bits(dtype));
  uint64_t value = loadBits(bytes, bits, index);
  if (dtype == TENON_FLOAT16)
    return decodeHalf(static_cast<uint16_t>(value));
  if (const llvm::fltSemantics *format = smallFloatFormat(dtype))
    return decodeSmallFloat(*format, bits, value);
  if (isSignedInteger(dtype))
    return static_cast<double>(llvm::SignExtend64(value, bits));
  return static_cast<double>(value);
}

void Tensor::setElement(int64_t index, double value) {
  auto bits = static_cast<unsigned>(tenon_dtype_bits(dtype));
  uint64_t stored = 0;
  if (dtype == TENON_FLOAT || dtype == TENON_COMPLEX64) {
    stored = llvm::bit_cast<uint32_t>(static_cast<float>(value));
  } else if (dtype == TENON_DOUBLE || dtype == TENON_COMPLEX128) {
    stored = llvm::bit_cast<uint64_t>(value);
  } else if (const llvm::fltSemantics *format = smallFloatFormat(dtype)) {
    stored = encodeSmallFloat(*format, value);
  } else if (dtype == TENON_BOOL) {
    stored = value != 0;
  } else {
    bool isSigned = isSignedInteger(dtype);
    double top = std::ldexp(1.0, isSigned ? bits - 1 : bits), bottom = isSigned ? -top : 0;
    double rounded = std::isnan(value) ? 0 : std::nearbyint(value);
    if (rounded >= top)
      stored = isSigned ? llvm::maxIntN(bits) : llvm::maxUIntN(bits);
    else if (rounded < bottom)
      stored = isSigned ? static_cast<uint64_t>(llvm::minIntN(bits)) : 0;
    else
      stored = isSigned ? static_cast<uint64_t>(static_cast<int64_t>(rounded))
                        : static_cast<uint64_t>(rounded);
  }
  if (bits < 8) {
    unsigned perByte = 8 / bits, shift = index % perByte * bits;
    unsigned mask = (1u << bits) - 1;
    char &byte = bytes[index / perByte];
    byte = static_cast<char>((byte & ~(mask << shift)) | (stored & mask) << shift);
    return;
  }
  std::memcpy(bytes.data() + index * (bits / 8), &stored, std::min<size_t>(8, bits / 8));
}

tenon_tensor Tensor::view() {
  tenon_tensor result{};
  result.dtype = dtype;
  result.rank = static_cast<int32_t>(dims.size());
  result.dims = dims.data();
  result.data = bytes.data();
  result.bytes = bytes.size();
  if (dtype == TENON_STRING) {
    stringViews.clear();
    for (const std::string &text : strings)
      stringViews.push_back({text.data(), text.size()});
    result.data = stringViews.data();
    result.bytes = stringViews.size() * sizeof(tenon_string);
  }
  return result;
}

std::string describeTensorType(int32_t dtype, llvm::ArrayRef<int64_t> dims) {
  std::string text = tenon_dtype_name(dtype);
  text += "[";
  for (auto [axis, dim] : llvm::enumerate(dims))
    text += (axis ? "," : "") + (dim < 0 ? "?" : std::to_string(dim));
  return text + "]";
}

std::string describePosition(int64_t index, llvm::ArrayRef<int64_t> dims) {
  std::vector<std::string> parts(dims.size());
  for (size_t axis = dims.size(); axis-- > 0;) {
    parts[axis] = std::to_string(index % dims[axis]);
    index /= dims[axis];
  }
  return "[" + llvm::join(parts, ",") + "]";
}

std::string formatNumber(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", number);
  return text;
}

} // namespace tenon
