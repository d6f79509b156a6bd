// What the compiler knows about characters: sets of code points, categories, case. From utf8proc's
// tables, so that models hold no more of these than they need.
#ifndef TENON_LIB_SUPPORT_UNICODE_H
#define TENON_LIB_SUPPORT_UNICODE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace tenon {

inline constexpr int32_t kLastCodePoint = 0x10ffff;

/// A set of code points, as ranges with their first and last ones.
class CodePoints {
public:
  using Range = std::pair<int32_t, int32_t>;

  CodePoints() = default;
  CodePoints(std::initializer_list<Range> ranges) : ranges(ranges) {}
  /// Characters in pairs, the first and last of each range: "09azAZ".
  static CodePoints ofRanges(llvm::StringRef pairs);

  void add(int32_t first, int32_t last) { ranges.push_back({first, last}); }
  void add(const CodePoints &others) {
    ranges.insert(ranges.end(), others.ranges.begin(), others.ranges.end());
  }
  bool contains(int32_t point) const;
  /// All others.
  CodePoints complement() const;
  /// These, and all that differ from one of them in case alone.
  CodePoints ignoringCase() const;
  /// Ascending, neither overlapping nor touching.
  std::vector<Range> getRanges() const;

private:
  std::vector<Range> ranges;
};

/// The code points of a general category, "Lu", or of all whose names begin with its letter, "L",
/// or "Any"; nullopt for other names.
std::optional<CodePoints> getCategory(llvm::StringRef name);

enum class Letters { Lower, Upper };

/// Every code point that has a lower or upper case of one code point, and that, ascending: the
/// simple mappings of Unicode.
llvm::ArrayRef<std::pair<int32_t, int32_t>> getCaseMapping(Letters letters);

/// The next code point of a text in UTF-8, which is consumed; nullopt if it is none.
std::optional<int32_t> takeCodePoint(llvm::StringRef &text);

} // namespace tenon

#endif // TENON_LIB_SUPPORT_UNICODE_H
