// Command line arguments of one subcommand: `--name value`, `--name=value`, flags, and the rest.
#ifndef TENON_TOOLS_TENON_ARGUMENTS_H
#define TENON_TOOLS_TENON_ARGUMENTS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <array>
#include <string>
#include <vector>

namespace tenon::cli {

/// What a subcommand takes.
struct Option {
  llvm::StringRef name; // with its dashes
  bool takesValue;
  llvm::StringRef help; // for takesValue, starts with the value's name
};

inline constexpr Option helpOptions[] = {{"--help", false, "print this"}};

/// The options of several lists, in their order.
template <size_t... sizes> constexpr auto joinOptions(const Option (&...lists)[sizes]) {
  std::array<Option, (sizes + ...)> joined{};
  size_t next = 0;
  auto append = [&](const auto &list) {
    for (const Option &option : list)
      joined[next++] = option;
  };
  (append(lists), ...);
  return joined;
}

class Arguments {
public:
  /// Unknown options and missing values are errors that name them.
  static llvm::Expected<Arguments> parse(llvm::ArrayRef<const char *> arguments,
                                         llvm::ArrayRef<Option> options);

  bool has(llvm::StringRef name) const { return values.contains(name); }
  /// The last value given, or `fallback`.
  std::string get(llvm::StringRef name, llvm::StringRef fallback = "") const;
  std::vector<std::string> all(llvm::StringRef name) const;
  /// A number of at least `minimum`.
  llvm::Expected<int64_t> number(llvm::StringRef name, int64_t fallback, int64_t minimum) const;
  /// Such numbers, separated by commas.
  llvm::Expected<std::vector<int64_t>> numbers(llvm::StringRef name, llvm::StringRef fallback,
                                               int64_t minimum) const;
  const std::vector<std::string> &positional() const { return rest; }

private:
  llvm::StringMap<std::vector<std::string>> values;
  std::vector<std::string> rest;
};

/// `usage`, then one line per option.
std::string formatHelp(llvm::StringRef usage, llvm::ArrayRef<Option> options);

} // namespace tenon::cli

#endif
