// Comparison of tensors (see the header).

#include "lib/Tensors/Compare.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cmath>
#include <cstring>

namespace tenon {

Tolerance ModelTolerance::forOutput(size_t index) const {
  Tolerance result = base;
  if (index < atols.size())
    result.atol = atols[index];
  // An absolute tolerance on integers is one that somebody chose.
  result.integersToo = index < atols.size() && result.atol > 0;
  return result;
}

static bool readNonNegative(const llvm::json::Value &value, double &number) {
  std::optional<double> read = value.getAsNumber();
  if (!read || !(*read >= 0))
    return false;
  number = *read;
  return true;
}

llvm::Expected<ModelTolerance> readTolerance(llvm::StringRef path) {
  auto fail = [&](const llvm::Twine &reason) {
    return llvm::createStringError(path + ": " + reason);
  };
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file)
    return fail("cannot be read: " + file.getError().message());
  llvm::Expected<llvm::json::Value> json = llvm::json::parse((*file)->getBuffer());
  if (!json)
    return fail("is not JSON: " + llvm::toString(json.takeError()));
  const llvm::json::Object *object = json->getAsObject();
  if (!object)
    return fail("is not a JSON object");
  ModelTolerance result;
  for (const auto &[key, value] : *object) {
    bool good = true;
    if (key == "rtol") {
      good = readNonNegative(value, result.base.rtol);
    } else if (key == "max_mismatch_fraction") {
      good = readNonNegative(value, result.base.maxMismatchFraction);
    } else if (key == "atol") {
      if (const llvm::json::Array *list = value.getAsArray()) {
        result.atols.resize(list->size());
        for (auto [item, number] : llvm::zip(*list, result.atols))
          good = good && readNonNegative(item, number);
      } else {
        good = readNonNegative(value, result.base.atol);
      }
    } else {
      return fail("has the unknown key '" + llvm::StringRef(key) + "'");
    }
    if (!good)
      return fail("'" + llvm::StringRef(key) + "' is not a non-negative number");
  }
  return result;
}

/// Largest less least of zero and the finite elements.
static double measureRange(const Tensor &tensor) {
  double least = 0, largest = 0;
  for (int64_t i = 0; i < tensor.numElements(); ++i) {
    double element = tensor.element(i);
    if (!std::isfinite(element))
      continue;
    least = std::min(least, element);
    largest = std::max(largest, element);
  }
  return largest - least;
}

static Comparison differ(const llvm::Twine &cause) {
  Comparison result;
  result.cause = cause.str();
  return result;
}

static Comparison compareStrings(const Tensor &got, const Tensor &expected) {
  for (size_t i = 0; i < expected.strings.size(); ++i)
    if (got.strings[i] != expected.strings[i])
      return differ("got \"" + got.strings[i] + "\", expected \"" + expected.strings[i] + "\" at " +
                    describePosition(static_cast<int64_t>(i), expected.dims));
  Comparison result;
  result.equal = true;
  return result;
}

/// Complex numbers are compared as pairs of real ones.
static Tensor splitComplex(const Tensor &tensor) {
  Tensor pairs = tensor;
  pairs.dtype = tensor.dtype == TENON_COMPLEX64 ? TENON_FLOAT : TENON_DOUBLE;
  pairs.dims.push_back(2);
  return pairs;
}

Comparison compareTensors(const Tensor &got, const Tensor &expected, const Tolerance &tolerance) {
  if (got.dtype != expected.dtype || got.dims != expected.dims)
    return differ("is " + describeTensorType(got) + ", expected " + describeTensorType(expected));
  if (expected.dtype == TENON_STRING)
    return compareStrings(got, expected);
  if (expected.dtype == TENON_COMPLEX64 || expected.dtype == TENON_COMPLEX128)
    return compareTensors(splitComplex(got), splitComplex(expected), tolerance);

  Comparison result;
  bool exact = !isFloatingPoint(expected.dtype) && !tolerance.integersToo;
  bool isWide = expected.dtype == TENON_INT64 || expected.dtype == TENON_UINT64;
  int64_t count = expected.numElements(), worst = -1;
  double worstExcess = -1;
  if (got.bytes == expected.bytes) {
    result.equal = true;
    return result;
  }
  double atol = tolerance.atol;
  if (tolerance.rangeFraction > 0)
    atol = std::max(atol, tolerance.rangeFraction * measureRange(expected));
  for (int64_t i = 0; i < count; ++i) {
    double value = got.element(i), reference = expected.element(i);
    // Two 64-bit integers may round to the same double.
    bool same = isWide ? std::memcmp(&got.bytes[8 * i], &expected.bytes[8 * i], 8) == 0
                       : value == reference || (std::isnan(value) && std::isnan(reference));
    if (same)
      continue;
    double error = std::abs(value - reference);
    if (std::isfinite(error))
      result.maxError = std::max(result.maxError, error);
    double allowed = exact ? 0 : atol + tolerance.rtol * std::abs(reference);
    if (!exact && std::isfinite(reference) && error <= allowed)
      continue;
    ++result.mismatches;
    double excess = std::isfinite(error) ? error - allowed : INFINITY;
    if (excess > worstExcess) {
      worstExcess = excess;
      worst = i;
    }
  }
  result.equal = static_cast<double>(result.mismatches) <=
                 tolerance.maxMismatchFraction * static_cast<double>(count);
  if (!result.equal)
    result.cause = std::to_string(result.mismatches) + " of " + std::to_string(count) +
                   " elements differ, largest error " + formatNumber(result.maxError) +
                   "; worst: got " + formatNumber(got.element(worst)) + ", expected " +
                   formatNumber(expected.element(worst)) + " at " +
                   describePosition(worst, expected.dims);
  return result;
}

} // namespace tenon
