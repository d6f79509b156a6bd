// Numbers as strings, and strings as numbers, whatever the locale of the process.
//
//   tenon_format_numbers_*  input numbers; output strings
//   tenon_parse_numbers_*   input strings; output numbers. Fails where a string is no number of the
//                           type.
#include "lib/Target/KernelLibrary/src/Strings.h"
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <locale.h>

namespace {

/// The locale of C for this thread, as long as this object lives.
class PlainLocale {
public:
  PlainLocale() : plain(newlocale(LC_ALL_MASK, "C", nullptr)), saved(uselocale(plain)) {}
  ~PlainLocale() {
    uselocale(saved);
    freelocale(plain);
  }
  PlainLocale(const PlainLocale &) = delete;
  PlainLocale &operator=(const PlainLocale &) = delete;

private:
  locale_t plain, saved;
};

// --- Numbers to strings

/// Longer than any number.
using Digits = char[40];

/// With as many digits as ONNX Runtime writes, of doubles too.
Text format(double value, Digits &text) {
  if (std::isnan(value))
    return {"NaN", 3};
  if (std::isinf(value))
    return value < 0 ? Text{"-INF", 4} : Text{"INF", 3};
  return {text, std::snprintf(text, sizeof text, "%.8g", value)};
}

Text format(float value, Digits &text) { return format(static_cast<double>(value), text); }
Text format(uint64_t value, Digits &text) {
  char *begin = text + sizeof text;
  do
    *--begin = static_cast<char>('0' + value % 10);
  while (value /= 10);
  return {begin, text + sizeof text - begin};
}
Text format(int64_t value, Digits &text) {
  if (value >= 0)
    return format(static_cast<uint64_t>(value), text);
  Text digits = format(0 - static_cast<uint64_t>(value), text);
  char *sign = text + sizeof text - digits.count - 1;
  *sign = '-';
  return {sign, digits.count + 1};
}

template <typename T> int32_t formatNumbers(TENON_KERNEL_PARAMETERS) {
  PlainLocale locale;
  Strings strings(scratch);
  const T *x = inputs[0].as<T>();
  int64_t *result = outputs[0].as<int64_t>();
  for (int64_t i = 0; i < inputs[0].size(); ++i) {
    Digits text;
    result[i] = strings.intern(format(x[i], text));
  }
  return strings.status();
}

// --- Strings to numbers

bool isBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

Text trim(Text text) {
  while (text.count && isBlank(*text.data))
    text = text.from(1);
  while (text.count && isBlank(text.end()[-1]))
    --text.count;
  return text;
}

void convert(const char *text, char **end, float &number) { number = std::strtof(text, end); }
void convert(const char *text, char **end, double &number) { number = std::strtod(text, end); }

/// A number that takes all of the text.
template <typename T> bool parseFloat(Strings &strings, Text text, T &number) {
  char *copy = strings.reserve(text.count + 1), *end = nullptr;
  if (!copy || !text.count)
    return false;
  std::memcpy(copy, text.data, text.count);
  copy[text.count] = 0;
  convert(copy, &end, number);
  return end == copy + text.count;
}

bool parse(Strings &strings, Text text, float &number) { return parseFloat(strings, text, number); }
bool parse(Strings &strings, Text text, double &number) {
  return parseFloat(strings, text, number);
}

/// Decimal digits, which must not be too many; 1: something else, -1: too many.
int parseDigits(Text text, uint64_t &number) {
  if (!text.count)
    return 1;
  number = 0;
  for (int64_t i = 0; i < text.count; ++i) {
    if (text.data[i] < '0' || text.data[i] > '9')
      return 1;
    if (__builtin_mul_overflow(number, 10, &number) ||
        __builtin_add_overflow(number, text.data[i] - '0', &number))
      return -1;
  }
  return 0;
}

template <typename T> bool parse(Strings &strings, Text text, T &number) {
  bool isSigned = text.count && (*text.data == '-' || *text.data == '+');
  bool isNegative = isSigned && *text.data == '-';
  uint64_t size = 0;
  if (int error = parseDigits(text.from(isSigned), size)) {
    // A fraction or an exponent: the integer below, if there is one.
    double value = 0;
    constexpr double end = std::is_signed_v<T> ? 0x1p63 : 0x1p64;
    if (error < 0 || !parseFloat(strings, text, value))
      return false;
    value = std::trunc(value);
    if (!(value < end && value >= (std::is_signed_v<T> ? -end : 0)))
      return false;
    number = static_cast<T>(value);
    return true;
  }
  uint64_t most = static_cast<uint64_t>(std::numeric_limits<T>::max());
  if (isNegative)
    most = std::is_signed_v<T> ? most + 1 : 0;
  number = static_cast<T>(isNegative ? 0 - size : size);
  return size <= most;
}

template <typename T> int32_t parseNumbers(TENON_KERNEL_PARAMETERS) {
  PlainLocale locale;
  Strings strings(scratch);
  const int64_t *x = inputs[0].as<int64_t>();
  T *result = outputs[0].as<T>();
  for (int64_t i = 0; i < inputs[0].size(); ++i)
    if (!parse(strings, trim(strings.get(x[i])), result[i]))
      return TENON_EXEC_BAD_VALUE;
  return strings.status();
}

} // namespace

TENON_KERNEL(tenon_format_numbers_f32, formatNumbers<float>)
TENON_KERNEL(tenon_format_numbers_f64, formatNumbers<double>)
TENON_KERNEL(tenon_format_numbers_i64, formatNumbers<int64_t>)
TENON_KERNEL(tenon_format_numbers_u64, formatNumbers<uint64_t>)
TENON_KERNEL(tenon_parse_numbers_f32, parseNumbers<float>)
TENON_KERNEL(tenon_parse_numbers_f64, parseNumbers<double>)
TENON_KERNEL(tenon_parse_numbers_i64, parseNumbers<int64_t>)
TENON_KERNEL(tenon_parse_numbers_u64, parseNumbers<uint64_t>)
