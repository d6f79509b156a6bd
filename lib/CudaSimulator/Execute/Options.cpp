// TENON_CUDA_SIM_* are read once, when the driver is initialised.

#include "lib/CudaSimulator/Execute/Options.h"
#include <cstdlib>
#include <string_view>

namespace tenon::sim {

/// A number with an optional suffix K, M or G.
static bool parseNumber(const char *text, uint64_t &value) {
  char *end = nullptr;
  uint64_t number = std::strtoull(text, &end, 0);
  unsigned shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
  if (end == text || *text == '-' || end[shift ? 1 : 0] != '\0' || number > (UINT64_MAX >> shift))
    return false;
  value = number << shift;
  return true;
}

/// "sm_80", "sm_90a".
static bool parseArchitecture(std::string_view text, Options &options) {
  if (text.substr(0, 3) != "sm_")
    return false;
  text.remove_prefix(3);
  bool specific = !text.empty() && text.back() == 'a';
  if (specific)
    text.remove_suffix(1);
  if (text != "80" && text != "86" && text != "89" && text != "90")
    return false;
  options.major = text[0] - '0';
  options.minor = text[1] - '0';
  // Every chip of 9.0 runs code for sm_90a.
  options.architectureSpecific = options.major == 9;
  return !specific || options.major == 9;
}

/// "all", "none", or those that are on: "races,uninitialised".
static bool parseChecks(std::string_view text, Options &options) {
  options.checkRaces = options.checkUninitialised = text == "all";
  if (text == "all" || text == "none")
    return true;
  while (!text.empty()) {
    std::string_view name = text.substr(0, text.find(','));
    if (name == "races")
      options.checkRaces = true;
    else if (name == "uninitialised")
      options.checkUninitialised = true;
    else
      return false;
    text.remove_prefix(std::min(text.size(), name.size() + 1));
  }
  return true;
}

/// "7", or "7:719" with the CUresult.
static bool parseFailure(const std::string &text, Options &options) {
  size_t colon = text.find(':');
  uint64_t result = options.failResult;
  if (colon != std::string::npos && !parseNumber(text.c_str() + colon + 1, result))
    return false;
  options.failResult = static_cast<int>(result);
  return parseNumber(text.substr(0, colon).c_str(), options.failCall);
}

template <typename T> static bool parseInto(const char *text, T &value) {
  uint64_t number = 0;
  bool valid = parseNumber(text, number);
  if (valid)
    value = static_cast<T>(number);
  return valid;
}

Options readOptions(std::string &problem) {
  Options options;
  auto read = [&](const char *name, auto parse) {
    const char *text = std::getenv(name);
    if (text && *text && !parse(text))
      problem = std::string(name) + "=" + text + " cannot be understood";
  };
  read("TENON_CUDA_SIM", [&](auto *text) { return parseArchitecture(text, options); });
  read("TENON_CUDA_SIM_MEMORY", [&](auto *t) { return parseInto(t, options.memoryBytes); });
  read("TENON_CUDA_SIM_SMS", [&](auto *t) { return parseInto(t, options.multiprocessors); });
  read("TENON_CUDA_SIM_THREADS", [&](auto *t) { return parseInto(t, options.threads); });
  read("TENON_CUDA_SIM_SEED", [&](auto *t) { return parseInto(t, options.seed); });
  read("TENON_CUDA_SIM_MAX_STEPS", [&](auto *t) { return parseInto(t, options.maxSteps); });
  read("TENON_CUDA_SIM_VERBOSE", [&](auto *t) { return parseInto(t, options.verbose); });
  read("TENON_CUDA_SIM_CHECKS", [&](auto *text) { return parseChecks(text, options); });
  read("TENON_CUDA_SIM_FAIL_CALL", [&](auto *text) { return parseFailure(text, options); });
  return options;
}

} // namespace tenon::sim
