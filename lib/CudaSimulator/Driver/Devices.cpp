// The one device, and what it says about itself: numbers of an A100 (8.0), other chips of Ampere
// and Ada, and an H100 (9.0), from the CUDA C++ Programming Guide, "Compute capabilities".

#include "lib/CudaSimulator/Driver/Driver.h"
#include <cstring>

namespace tenon::sim {

unsigned Driver::multiprocessors() const {
  if (options.multiprocessors)
    return options.multiprocessors;
  return options.major == 9 ? 132 : options.minor == 0 ? 108 : options.minor == 6 ? 84 : 142;
}

uint64_t Driver::sharedPerMultiprocessor() const {
  return (options.major == 9 ? 228 : options.minor == 0 ? 164 : 100) << 10;
}

/// One KiB of each block is the system's.
uint64_t Driver::sharedPerBlockOptIn() const { return sharedPerMultiprocessor() - 1024; }

namespace {

struct Attribute {
  int number, value;
};

} // namespace

/// Attributes that are the same on all chips, by their number in CUdevice_attribute.
static constexpr Attribute fixedAttributes[] = {
    {1, 1024},     {2, 1024},     {3, 1024},  {4, 64},     {5, 2147483647},  {6, 65535},
    {7, 65535},    {8, 48 << 10}, {9, 65536}, {10, 32},    {11, 2147483647}, {12, 65536},
    {13, 1410000}, {14, 512},     {15, 1},    {17, 0},     {18, 0},          {19, 1},
    {20, 0},       {30, 512},     {31, 1},    {32, 0},     {33, 0},          {34, 0},
    {35, 0},       {36, 1215000}, {37, 5120}, {40, 2},     {41, 1},          {50, 0},
    {78, 1},       {79, 1},       {80, 1},    {82, 65536}, {83, 0},          {84, 0},
    {85, 0},       {86, 0},       {87, 2},    {88, 0},     {89, 0},          {90, 1},
    {91, 1},       {92, 0},       {93, 0},    {94, 0},     {95, 0},          {96, 0},
    {98, 0},       {99, 1},       {100, 0},   {101, 0},    {102, 0},         {103, 0},
    {104, 0},      {105, 0},      {106, 32},  {107, 0},    {109, 134213632}, {110, 0},
    {111, 1024},   {112, 0},      {113, 0},   {114, 0},    {115, 1},         {116, 0},
    {117, 0},      {118, 0},      {119, 0},   {121, 0},    {122, 0},         {123, 0},
    {124, 0},      {125, 0},      {126, 1},   {128, 0},    {129, 0},         {130, 0},
    {131, -1},     {132, 0},      {133, 0},   {134, -1},
};

static bool findAttribute(const Driver &driver, int number, int &value) {
  const Options &options = driver.options;
  bool hopper = options.major == 9, large = hopper || options.minor == 0;
  switch (number) {
  case 16:
    value = static_cast<int>(driver.multiprocessors());
    return true;
  case 38: // L2
    value = (hopper ? 50 : options.minor == 0 ? 40 : options.minor == 6 ? 6 : 72) << 20;
    return true;
  case 39:
    value = large ? 2048 : 1536;
    return true;
  case 75:
    value = static_cast<int>(options.major);
    return true;
  case 76:
    value = static_cast<int>(options.minor);
    return true;
  case 81:
    value = static_cast<int>(driver.sharedPerMultiprocessor());
    return true;
  case 97:
    value = static_cast<int>(driver.sharedPerBlockOptIn());
    return true;
  case 108:
    value = large ? 30 << 20 : 4 << 20;
    return true;
  case 120: // clusters
  case 127: // tensor maps
    value = hopper;
    return true;
  }
  for (const Attribute &attribute : fixedAttributes)
    if (attribute.number == number) {
      value = attribute.value;
      return true;
    }
  return false;
}

} // namespace tenon::sim

using namespace tenon::sim;

TENON_CUDA_SIM_API Result cuInit(unsigned flags) {
  return enter(
      "cuInit", [&](Driver &driver) { return flags ? InvalidValue : driver.initialise(); }, false);
}

TENON_CUDA_SIM_API Result cuDriverGetVersion(int *version) {
  if (!version)
    return InvalidValue;
  *version = 13000;
  return Success;
}

TENON_CUDA_SIM_API Result cuDeviceGetCount(int *count) {
  return enter("cuDeviceGetCount", [&](Driver &) {
    if (!count)
      return InvalidValue;
    *count = 1;
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuDeviceGet(Device *device, int ordinal) {
  return enter("cuDeviceGet", [&](Driver &) {
    if (!device)
      return InvalidValue;
    if (ordinal != 0)
      return InvalidDevice;
    *device = 0;
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuDeviceGetName(char *name, int length, Device device) {
  return enter("cuDeviceGetName", [&](Driver &driver) {
    if (!name || length <= 0)
      return InvalidValue;
    if (device != 0)
      return InvalidDevice;
    std::string text = "Tenon simulated GPU sm_" + std::to_string(driver.options.major) +
                       std::to_string(driver.options.minor);
    std::strncpy(name, text.c_str(), static_cast<size_t>(length));
    name[length - 1] = '\0';
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuDeviceGetUuid_v2(void *uuid, Device device) {
  return enter("cuDeviceGetUuid", [&](Driver &driver) {
    if (!uuid)
      return InvalidValue;
    if (device != 0)
      return InvalidDevice;
    std::memcpy(uuid, "tenon simulated", 16);
    static_cast<char *>(uuid)[15] = static_cast<char>(driver.options.major);
    return Success;
  });
}
TENON_CUDA_SIM_API Result cuDeviceGetUuid(void *uuid, Device device) {
  return cuDeviceGetUuid_v2(uuid, device);
}

TENON_CUDA_SIM_API Result cuDeviceTotalMem_v2(size_t *bytes, Device device) {
  return enter("cuDeviceTotalMem", [&](Driver &driver) {
    if (!bytes)
      return InvalidValue;
    if (device != 0)
      return InvalidDevice;
    *bytes = driver.memory->capacity();
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuDeviceGetAttribute(int *value, int attribute, Device device) {
  return enter("cuDeviceGetAttribute", [&](Driver &driver) {
    if (!value)
      return InvalidValue;
    if (device != 0)
      return InvalidDevice;
    // Textures and what else is not simulated have limits of 0.
    *value = 0;
    bool known = findAttribute(driver, attribute, *value);
    return known || (attribute >= 21 && attribute <= 77) ? Success : InvalidValue;
  });
}
