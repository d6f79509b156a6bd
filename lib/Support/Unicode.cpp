// Characters (see the header). Tables are made when they are first asked for, from one look at each
// code point: 2 to 20 ms.

#include "lib/Support/Unicode.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include <utf8proc.h>

namespace tenon {

CodePoints CodePoints::ofRanges(llvm::StringRef pairs) {
  CodePoints result;
  for (; !pairs.empty(); pairs = pairs.drop_front(2))
    result.add(pairs[0], pairs[1]);
  return result;
}

bool CodePoints::contains(int32_t point) const {
  return llvm::any_of(
      ranges, [&](const Range &range) { return point >= range.first && point <= range.second; });
}

std::vector<CodePoints::Range> CodePoints::getRanges() const {
  std::vector<Range> sorted = ranges, result;
  llvm::sort(sorted);
  for (const Range &range : sorted) {
    if (!result.empty() && range.first <= result.back().second + 1)
      result.back().second = std::max(result.back().second, range.second);
    else
      result.push_back(range);
  }
  return result;
}

CodePoints CodePoints::complement() const {
  CodePoints result;
  int32_t next = 0;
  for (const Range &range : getRanges()) {
    if (range.first > next)
      result.add(next, range.first - 1);
    next = range.second + 1;
  }
  if (next <= kLastCodePoint)
    result.add(next, kLastCodePoint);
  return result;
}

// Two code points differ in case alone if the lower cases of their upper cases are the same.
using CaseOrbits = llvm::DenseMap<int32_t, llvm::SmallVector<int32_t, 4>>;

static const CaseOrbits &getCaseOrbits() {
  static const CaseOrbits orbits = [] {
    CaseOrbits result;
    for (int32_t point = 0; point <= kLastCodePoint; ++point) {
      int32_t key = utf8proc_tolower(utf8proc_toupper(point));
      if (key == point && utf8proc_toupper(point) == point)
        continue;
      result[key].push_back(point);
    }
    for (auto &[key, points] : result)
      if (!llvm::is_contained(points, key))
        points.push_back(key);
    return result;
  }();
  return orbits;
}

CodePoints CodePoints::ignoringCase() const {
  CodePoints result = *this;
  for (const auto &[key, points] : getCaseOrbits())
    if (llvm::any_of(points, [&](int32_t point) { return contains(point); }))
      for (int32_t point : points)
        result.add(point, point);
  return result;
}

std::optional<CodePoints> getCategory(llvm::StringRef name) {
  if (name == "Any")
    return CodePoints{{0, kLastCodePoint}};
  if (name.empty() || name.size() > 2)
    return std::nullopt;
  CodePoints result;
  bool isKnown = false;
  for (int32_t point = 0; point <= kLastCodePoint; ++point)
    if (llvm::StringRef(utf8proc_category_string(point)).starts_with(name)) {
      result.add(point, point);
      isKnown = true;
    }
  if (!isKnown)
    return std::nullopt;
  CodePoints merged;
  for (const CodePoints::Range &range : result.getRanges())
    merged.add(range.first, range.second);
  return merged;
}

static std::vector<std::pair<int32_t, int32_t>> makeCaseMapping(int32_t (*map)(int32_t)) {
  std::vector<std::pair<int32_t, int32_t>> pairs;
  for (int32_t point = 0; point <= kLastCodePoint; ++point)
    if (int32_t image = map(point); image != point)
      pairs.push_back({point, image});
  return pairs;
}

llvm::ArrayRef<std::pair<int32_t, int32_t>> getCaseMapping(Letters letters) {
  static const auto lower = makeCaseMapping(utf8proc_tolower);
  static const auto upper = makeCaseMapping(utf8proc_toupper);
  return letters == Letters::Lower ? lower : upper;
}

std::optional<int32_t> takeCodePoint(llvm::StringRef &text) {
  const auto *begin = reinterpret_cast<const llvm::UTF8 *>(text.data()), *at = begin;
  llvm::UTF32 point = 0;
  if (llvm::convertUTF8Sequence(&at, begin + text.size(), &point, llvm::strictConversion) !=
      llvm::conversionOK)
    return std::nullopt;
  text = text.drop_front(at - begin);
  return static_cast<int32_t>(point);
}

} // namespace tenon
