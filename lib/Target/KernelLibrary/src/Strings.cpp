// Strings that are joined, split and ordered.
//
//   tenon_string_concat        inputs a, b; output a + b
//   tenon_string_split_counts  inputs x, delimiter; output int64: how many parts each string has
//   tenon_string_split         inputs x, delimiter; output the parts [..., most]
//     ints: how often to split at most, negative for no limit
//   tenon_string_ranks         input x; output int64: positions among the different strings, sorted
#include "lib/Target/KernelLibrary/src/Strings.h"
#include <algorithm>

namespace {

int32_t concat(TENON_KERNEL_PARAMETERS) {
  Strings strings(scratch);
  const int64_t *a = inputs[0].as<int64_t>(), *b = inputs[1].as<int64_t>();
  int64_t *result = outputs[0].as<int64_t>();
  for (int64_t i = 0; i < outputs[0].size(); ++i) {
    Text left = strings.get(a[i]), right = strings.get(b[i]);
    char *joined = strings.reserve(left.count + right.count);
    if (!joined)
      break;
    std::copy(left.data, left.end(), joined);
    std::copy(right.data, right.end(), joined + left.count);
    result[i] = strings.intern({joined, left.count + right.count});
  }
  return strings.status();
}

bool isBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

Text skipBlanks(Text text) {
  while (text.count && isBlank(*text.data))
    text = text.from(1);
  return text;
}

/// Where the delimiter begins, or the end of the text.
int64_t find(Text text, Text delimiter) {
  for (int64_t at = 0; at + delimiter.count <= text.count; ++at)
    if (areEqual(text.from(at).first(delimiter.count), delimiter))
      return at;
  return text.count;
}

/// Calls `use` with each part.
template <typename Use> void splitAt(Text text, Text delimiter, int64_t limit, Use use) {
  for (int64_t splits = 0; splits != limit; ++splits) {
    int64_t at = find(text, delimiter);
    if (at == text.count)
      break;
    use(text.first(at));
    text = text.from(at + delimiter.count);
  }
  use(text);
}

/// The same between blanks. Those at the end stay with what the limit leaves whole.
template <typename Use> void splitAtBlanks(Text text, int64_t limit, Use use) {
  text = skipBlanks(text);
  for (int64_t splits = 0; text.count && splits != limit; ++splits) {
    int64_t at = 0;
    while (at < text.count && !isBlank(text.data[at]))
      ++at;
    use(text.first(at));
    text = skipBlanks(text.from(at));
  }
  if (text.count)
    use(text);
}

template <typename Use> void split(Text text, Text delimiter, int64_t limit, Use use) {
  if (delimiter.count)
    splitAt(text, delimiter, limit, use);
  else
    splitAtBlanks(text, limit, use);
}

int32_t countParts(TENON_KERNEL_PARAMETERS) {
  Strings strings(scratch);
  Text delimiter = strings.get(*inputs[1].as<int64_t>());
  const int64_t *x = inputs[0].as<int64_t>();
  int64_t *counts = outputs[0].as<int64_t>();
  for (int64_t i = 0; i < inputs[0].size(); ++i) {
    counts[i] = 0;
    split(strings.get(x[i]), delimiter, ints[0], [&](Text) { ++counts[i]; });
  }
  return strings.status();
}

int32_t writeParts(TENON_KERNEL_PARAMETERS) {
  Strings strings(scratch);
  Text delimiter = strings.get(*inputs[1].as<int64_t>());
  const int64_t *x = inputs[0].as<int64_t>();
  int64_t most = outputs[0].dims[outputs[0].rank - 1];
  for (int64_t i = 0; i < inputs[0].size(); ++i) {
    int64_t *parts = outputs[0].as<int64_t>() + i * most, count = 0;
    split(strings.get(x[i]), delimiter, ints[0], [&](Text part) {
      if (count < most)
        parts[count++] = strings.intern(part);
    });
    std::fill(parts + count, parts + most, 0);
  }
  return strings.status();
}

int32_t ranks(TENON_KERNEL_PARAMETERS) {
  Strings strings(scratch);
  const int64_t *x = inputs[0].as<int64_t>();
  int64_t count = inputs[0].size(), *result = outputs[0].as<int64_t>();
  auto *order = strings.reserve<int64_t>(count);
  if (!order)
    return strings.status();
  for (int64_t i = 0; i < count; ++i)
    order[i] = i;
  std::sort(order, order + count, [&](int64_t a, int64_t b) {
    return x[a] != x[b] && compare(strings.get(x[a]), strings.get(x[b])) < 0;
  });
  for (int64_t i = 0, rank = 0; i < count; ++i) {
    rank += i > 0 && x[order[i]] != x[order[i - 1]];
    result[order[i]] = rank;
  }
  return strings.status();
}

} // namespace

TENON_KERNEL(tenon_string_concat, concat)
TENON_KERNEL(tenon_string_split_counts, countParts)
TENON_KERNEL(tenon_string_split, writeParts)
TENON_KERNEL(tenon_string_ranks, ranks)
