// cuTensorMapEncode*: what the driver documents about each argument is checked, then the map is
// written in the simulator's own form (Execute/TensorMap.h).

#include "lib/CudaSimulator/Driver/Driver.h"
#include "lib/CudaSimulator/Execute/TensorMap.h"
#include <cstring>

namespace tenon::sim {

/// Bytes of an element by CUtensorMapDataType; 0 for what is not simulated.
static unsigned elementBytesOf(int type) {
  static constexpr unsigned bytes[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};
  return type >= 0 && type < 13 ? bytes[type] : 0;
}

static bool isFloatType(int type) { return type >= 6 && type <= 12; }

namespace {

/// What both forms of maps have.
struct MapArguments {
  TensorMapBytes *map;
  int type;
  uint32_t rank;
  void *address;
  const uint64_t *lengths, *strides;
  const uint32_t *elementStrides;
  int interleave, swizzle, promotion, fill;
};

} // namespace

static Result invalid(const std::string &message) {
  return refuse(InvalidValue, "cuTensorMapEncode: " + message);
}

static Result checkStrides(const MapArguments &arguments, TensorMap &map) {
  for (uint32_t i = 0; i + 1 < arguments.rank; ++i) {
    uint64_t stride = arguments.strides[i];
    if (stride % 16 || stride >= uint64_t(1) << 40)
      return invalid("stride " + std::to_string(i) + " is " + std::to_string(stride) +
                     ", which is no multiple of 16 below 2^40");
    map.strides[i] = stride;
  }
  return Success;
}

static Result fillCommon(const MapArguments &arguments, TensorMap &map) {
  auto address = reinterpret_cast<uint64_t>(arguments.address);
  if (!arguments.map || !arguments.lengths || !arguments.elementStrides ||
      (arguments.rank > 1 && !arguments.strides))
    return InvalidValue;
  if (reinterpret_cast<uint64_t>(arguments.map) % 64)
    return invalid("the map is not aligned to 64 bytes");
  if (address % 16 || !address)
    return invalid("the address is not aligned to 16 bytes");
  if (arguments.swizzle < 0 || arguments.swizzle > 3 || arguments.promotion < 0 ||
      arguments.promotion > 3 || arguments.fill < 0 || arguments.fill > 1)
    return InvalidValue;
  if (arguments.interleave != 0)
    return refuse(NotSupported, "interleaved tensor maps");
  map.elementBytes = static_cast<uint8_t>(elementBytesOf(arguments.type));
  if (map.elementBytes == 0)
    return refuse(NotSupported, "tensor maps of type " + std::to_string(arguments.type));
  if (arguments.fill && !isFloatType(arguments.type))
    return invalid("integers cannot be filled with NaN");
  map.mark = TensorMap::validMark;
  map.rank = static_cast<uint8_t>(arguments.rank);
  map.type = static_cast<uint8_t>(arguments.type);
  static constexpr Swizzle modes[] = {Swizzle::None, Swizzle::Bytes32, Swizzle::Bytes64,
                                      Swizzle::Bytes128};
  map.swizzle = modes[arguments.swizzle];
  map.fillsWithNaN = arguments.fill == 1;
  map.address = address;
  for (uint32_t i = 0; i < arguments.rank; ++i) {
    if (arguments.lengths[i] == 0 || arguments.lengths[i] > uint64_t(1) << 32)
      return invalid("length " + std::to_string(i) + " is " + std::to_string(arguments.lengths[i]));
    if (arguments.elementStrides[i] == 0 || arguments.elementStrides[i] > 8)
      return invalid("element stride " + std::to_string(i) + " is not from 1 to 8");
    map.lengths[i] = static_cast<uint32_t>(arguments.lengths[i] - 1);
    map.elementStrides[i] = static_cast<uint8_t>(arguments.elementStrides[i]);
  }
  return checkStrides(arguments, map);
}

/// Rows of a tile in shared memory are as long as its innermost extent, which must fill the
/// swizzled width: what hardware does with shorter rows is not documented, so that is refused.
static Result checkInner(const TensorMap &map, uint64_t innerBytes) {
  if (innerBytes % 16)
    return invalid("the box is " + std::to_string(innerBytes) +
                   " bytes wide, which is no multiple of 16");
  auto width = static_cast<uint64_t>(map.swizzle);
  if (width && innerBytes > width)
    return invalid("the box is " + std::to_string(innerBytes) + " bytes wide, the swizzle only " +
                   std::to_string(width));
  if (width && innerBytes < width)
    return refuse(NotSupported, "a box of " + std::to_string(innerBytes) +
                                    " bytes that does not fill a swizzle of " +
                                    std::to_string(width));
  return Success;
}

static Result encodeTiled(const MapArguments &arguments, const uint32_t *box) {
  TensorMap map{};
  if (arguments.rank < 1 || arguments.rank > 5 || !box)
    return invalid("the rank is " + std::to_string(arguments.rank));
  Result result = fillCommon(arguments, map);
  if (result != Success)
    return result;
  for (uint32_t i = 0; i < arguments.rank; ++i) {
    if (box[i] == 0 || box[i] > 256)
      return invalid("extent " + std::to_string(i) + " of the box is " + std::to_string(box[i]));
    map.box[i] = static_cast<uint16_t>(box[i]);
  }
  result = checkInner(map, uint64_t(box[0]) * map.elementBytes);
  if (result == Success) {
    std::memset(arguments.map, 0, sizeof *arguments.map);
    std::memcpy(arguments.map, &map, sizeof map);
  }
  return result;
}

static Result encodeIm2col(const MapArguments &arguments, const int *lower, const int *upper,
                           uint32_t channels, uint32_t pixels) {
  TensorMap map{};
  if (arguments.rank < 3 || arguments.rank > 5 || !lower || !upper)
    return invalid("im2col of rank " + std::to_string(arguments.rank));
  Result result = fillCommon(arguments, map);
  if (result != Success)
    return result;
  if (channels == 0 || channels > 256 || pixels == 0 || pixels > 1024)
    return invalid("im2col of " + std::to_string(channels) + " channels and " +
                   std::to_string(pixels) + " pixels");
  // cuda.h: 16, 8 or 5 bits for each corner.
  int limit = 1 << (arguments.rank == 3 ? 15 : arguments.rank == 4 ? 7 : 4);
  for (uint32_t i = 0; i + 2 < arguments.rank; ++i) {
    if (lower[i] < -limit || lower[i] >= limit || upper[i] < -limit || upper[i] >= limit)
      return invalid("corner " + std::to_string(i) + " of the box of pixels is out of range");
    map.lower[i] = static_cast<int16_t>(lower[i]);
    map.upper[i] = static_cast<int16_t>(upper[i]);
  }
  map.isIm2col = 1;
  map.channelsPerPixel = static_cast<uint16_t>(channels);
  map.pixelsPerColumn = static_cast<uint16_t>(pixels);
  result = checkInner(map, uint64_t(channels) * map.elementBytes);
  if (result == Success) {
    std::memset(arguments.map, 0, sizeof *arguments.map);
    std::memcpy(arguments.map, &map, sizeof map);
  }
  return result;
}

} // namespace tenon::sim

using namespace tenon::sim;

TENON_CUDA_SIM_API Result cuTensorMapEncodeTiled(TensorMapBytes *map, int type, uint32_t rank,
                                                 void *address, const uint64_t *lengths,
                                                 const uint64_t *strides, const uint32_t *box,
                                                 const uint32_t *elementStrides, int interleave,
                                                 int swizzle, int promotion, int fill) {
  return enter("cuTensorMapEncodeTiled", [&](Driver &driver) {
    if (driver.options.major < 9)
      return refuse(NotSupported, "this device has no tensor maps");
    return encodeTiled({map, type, rank, address, lengths, strides, elementStrides, interleave,
                        swizzle, promotion, fill},
                       box);
  });
}

TENON_CUDA_SIM_API Result cuTensorMapEncodeIm2col(
    TensorMapBytes *map, int type, uint32_t rank, void *address, const uint64_t *lengths,
    const uint64_t *strides, const int *lower, const int *upper, uint32_t channels, uint32_t pixels,
    const uint32_t *elementStrides, int interleave, int swizzle, int promotion, int fill) {
  return enter("cuTensorMapEncodeIm2col", [&](Driver &driver) {
    if (driver.options.major < 9)
      return refuse(NotSupported, "this device has no tensor maps");
    return encodeIm2col({map, type, rank, address, lengths, strides, elementStrides, interleave,
                         swizzle, promotion, fill},
                        lower, upper, channels, pixels);
  });
}
