// Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2: LDTILECFG, TILELOADD,
// TILESTORED, TDPBSSD and its like, TDPBF16PS.
#include "test/unit/codegen/TileEmulator.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/Support/ErrorHandling.h"
#include <cmath>
#include <cstring>

using namespace llvm;

namespace tenon::testing {
namespace {

constexpr int numTiles = 8, tileRows = 16, tileBytes = 64;

struct TileState {
  bool isSet = false;
  uint8_t tiles[numTiles][tileRows][tileBytes];
};

thread_local TileState state;

uint8_t (*getTile(int32_t number)) [tileBytes] {
  if (!state.isSet || number < 0 || number >= numTiles)
    report_fatal_error("a tile register that is not set");
  return state.tiles[number];
}

void loadConfig(const uint8_t *config) {
  if (config[0] != 1 || config[1] != 0)
    report_fatal_error("an unknown palette of tile registers");
  for (int i = 0; i < numTiles; ++i)
    if (config[16 + 2 * i] != tileBytes || config[17 + 2 * i] != 0 || config[48 + i] != tileRows)
      report_fatal_error("tile registers of another size");
  state.isSet = true;
  std::memset(state.tiles, 0, sizeof state.tiles);
}

void release() { state.isSet = false; }

void clear(int32_t number) { std::memset(getTile(number), 0, tileRows * tileBytes); }

void load(int32_t number, const uint8_t *from, int64_t pitch) {
  for (int row = 0; row < tileRows; ++row)
    std::memcpy(getTile(number)[row], from + row * pitch, tileBytes);
}

void store(int32_t number, uint8_t *to, int64_t pitch) {
  for (int row = 0; row < tileRows; ++row)
    std::memcpy(to + row * pitch, getTile(number)[row], tileBytes);
}

template <typename A, typename B> void multiplyBytes(int32_t sums, int32_t a, int32_t b) {
  for (int row = 0; row < tileRows; ++row)
    for (int column = 0; column < tileBytes / 4; ++column) {
      uint32_t sum;
      std::memcpy(&sum, &getTile(sums)[row][4 * column], sizeof sum);
      for (int k = 0; k < tileBytes; ++k)
        sum += int32_t(A(getTile(a)[row][k])) * int32_t(B(getTile(b)[k / 4][4 * column + k % 4]));
      std::memcpy(&getTile(sums)[row][4 * column], &sum, sizeof sum);
    }
}

/// Numbers below the normal ones are zeros for this instruction, in operands and in results.
float flush(float value) {
  return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(0.0f, value) : value;
}

float loadFloat(const uint8_t *from) {
  float value;
  std::memcpy(&value, from, sizeof value);
  return flush(value);
}

/// A bf16 number is the upper half of an f32 number.
float loadBFloat(const uint8_t *from) {
  const uint8_t bytes[4] = {0, 0, from[0], from[1]};
  return loadFloat(bytes);
}

void multiplyBFloats(int32_t sums, int32_t a, int32_t b) {
  for (int row = 0; row < tileRows; ++row)
    for (int column = 0; column < tileBytes / 4; ++column) {
      float left[bfloatsPerRow], right[bfloatsPerRow];
      for (int k = 0; k < bfloatsPerRow; ++k) {
        left[k] = loadBFloat(&getTile(a)[row][2 * k]);
        right[k] = loadBFloat(&getTile(b)[k / 2][4 * column + 2 * (k % 2)]);
      }
      uint8_t *place = &getTile(sums)[row][4 * column];
      float sum = addBFloatProducts(loadFloat(place), left, right);
      std::memcpy(place, &sum, sizeof sum);
    }
}

void *getFunction(StringRef name) {
  auto address = [](auto *function) { return reinterpret_cast<void *>(function); };
  return StringSwitch<void *>(name)
      .Case("ldtilecfg", address(loadConfig))
      .Case("tilerelease", address(release))
      .Case("tilezero", address(clear))
      .Case("tileloadd64", address(load))
      .Case("tilestored64", address(store))
      .Case("tdpbssd", address(multiplyBytes<int8_t, int8_t>))
      .Case("tdpbsud", address(multiplyBytes<int8_t, uint8_t>))
      .Case("tdpbusd", address(multiplyBytes<uint8_t, int8_t>))
      .Case("tdpbuud", address(multiplyBytes<uint8_t, uint8_t>))
      .Case("tdpbf16ps", address(multiplyBFloats))
      .Default(nullptr);
}

} // namespace

float addBFloatProducts(float sum, ArrayRef<float> a, ArrayRef<float> b) {
  float parts[2] = {0, 0};
  for (int k = 0; k < bfloatsPerRow; ++k)
    parts[k % 2] = flush(std::fma(flush(a[k]), flush(b[k]), parts[k % 2]));
  return flush(flush(sum) + flush(parts[0] + parts[1]));
}

bool areTilesReleased() { return !state.isSet; }

void emulateTiles(Module &module) {
  for (Function &intrinsic : make_early_inc_range(module)) {
    StringRef name = intrinsic.getName();
    void *function = name.consume_front("llvm.x86.") ? getFunction(name) : nullptr;
    if (!function)
      continue;
    for (User *user : make_early_inc_range(intrinsic.users())) {
      auto *call = cast<CallInst>(user);
      IRBuilder<> b(call);
      SmallVector<Value *> arguments;
      SmallVector<Type *> types;
      for (Value *argument : call->args()) {
        bool isNumber = argument->getType()->isIntegerTy(8);
        arguments.push_back(isNumber ? b.CreateZExt(argument, b.getInt32Ty()) : argument);
        types.push_back(arguments.back()->getType());
      }
      Value *address = b.getInt64(reinterpret_cast<uintptr_t>(function));
      b.CreateCall(FunctionType::get(b.getVoidTy(), types, /*isVarArg=*/false),
                   b.CreateIntToPtr(address, b.getPtrTy()), arguments);
      call->eraseFromParent();
    }
    intrinsic.eraseFromParent();
  }
}

} // namespace tenon::testing
