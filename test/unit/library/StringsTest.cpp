// Functions on strings, with the strings of a run that a map stands in for; regular expressions go
// from their syntax to what they match.

#include "lib/Support/Regex.h"
#include "test/unit/library/LibraryCall.h"
#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <string>

extern "C" LibFunction tenon_string_concat, tenon_string_split_counts, tenon_string_split,
    tenon_string_ranks, tenon_map_characters, tenon_regex_full_match, tenon_token_counts,
    tenon_tokenize, tenon_parse_numbers_f32, tenon_parse_numbers_f64, tenon_parse_numbers_i64,
    tenon_parse_numbers_u64, tenon_format_numbers_f32, tenon_format_numbers_f64,
    tenon_format_numbers_i64, tenon_format_numbers_u64;

namespace {

using Ints = std::vector<int64_t>;
using Texts = std::vector<std::string>;

/// The strings of a run. They can pool out of memory.
class Pool : public tenon_strings {
public:
  Pool() : tenon_strings{get, intern, reserve} { add(""); }

  Ints add(const Texts &texts) {
    Ints result;
    for (const std::string &text : texts)
      result.push_back(add(text));
    return result;
  }
  int64_t add(const std::string &text) {
    auto [entry, isNew] = handles.try_emplace(text, static_cast<int64_t>(handles.size()));
    if (isNew)
      texts.push_back(&entry->first);
    return entry->second;
  }
  Texts of(const Tensor<int64_t> &tensor) const {
    Texts result;
    for (int64_t handle : tensor.values)
      result.push_back(*texts.at(handle));
    return result;
  }

  bool hasMemory = true;

private:
  static const char *get(const tenon_strings *strings, int64_t handle, int64_t *count) {
    const std::string &text = *static_cast<const Pool *>(strings)->texts.at(handle);
    *count = static_cast<int64_t>(text.size());
    return text.data();
  }
  static int64_t intern(tenon_strings *strings, const char *bytes, int64_t count) {
    auto *pool = static_cast<Pool *>(strings);
    return pool->hasMemory ? pool->add(std::string(bytes, count)) : -1;
  }
  static void *reserve(tenon_strings *strings, int64_t bytes) {
    auto *pool = static_cast<Pool *>(strings);
    pool->memory.resize(bytes / 16 + 1);
    return pool->memory.data();
  }

  struct alignas(16) Unit {
    char bytes[16];
  };
  std::map<std::string, int64_t> handles;
  std::vector<const std::string *> texts;
  std::vector<Unit> memory;
};

int32_t call(LibFunction &function, Pool &pool, std::vector<LibTensor> inputs,
             std::vector<LibTensor> outputs, const Ints &ints = {}) {
  return function(inputs.data(), outputs.data(), ints.data(), nullptr,
                  static_cast<tenon_strings *>(&pool), 0, 1);
}

Tensor<int64_t> list(Pool &pool, const Texts &texts) {
  return Tensor<int64_t>({static_cast<int64_t>(texts.size())}, pool.add(texts));
}

TEST(Strings, Concat) {
  Pool pool;
  Tensor<int64_t> a = list(pool, {"a", "", "Gr"}), b = list(pool, {"b", "", "üße"}), y({3});
  EXPECT_EQ(call(tenon_string_concat, pool, {a.view(), b.view()}, {y.view()}), 0);
  EXPECT_EQ(pool.of(y), (Texts{"ab", "", "Grüße"}));
  pool.hasMemory = false;
  EXPECT_EQ(call(tenon_string_concat, pool, {a.view(), b.view()}, {y.view()}),
            TENON_EXEC_OUT_OF_MEMORY);
}

Texts split(const std::string &text, const std::string &delimiter, int64_t limit) {
  Pool pool;
  Tensor<int64_t> x = list(pool, {text}), by({}, {pool.add(delimiter)}), counts({1});
  EXPECT_EQ(call(tenon_string_split_counts, pool, {x.view(), by.view()}, {counts.view()}, {limit}),
            0);
  Tensor<int64_t> y({1, counts.values[0] + 1});
  EXPECT_EQ(call(tenon_string_split, pool, {x.view(), by.view()}, {y.view()}, {limit}), 0);
  Texts parts = pool.of(y);
  EXPECT_EQ(parts.back(), "");
  parts.pop_back();
  return parts;
}

TEST(Strings, Split) {
  EXPECT_EQ(split("a,b,,c", ",", -1), (Texts{"a", "b", "", "c"}));
  EXPECT_EQ(split("a--b-c-", "--", -1), (Texts{"a", "b-c-"}));
  EXPECT_EQ(split("a,b,c", ",", 1), (Texts{"a", "b,c"}));
  EXPECT_EQ(split("a,b", ",", 0), (Texts{"a,b"}));
  EXPECT_EQ(split("", ",", -1), (Texts{""}));
  EXPECT_EQ(split("  a \t b\n", "", -1), (Texts{"a", "b"}));
  EXPECT_EQ(split(" a b  c ", "", 1), (Texts{"a", "b  c "}));
  EXPECT_EQ(split("   ", "", -1), (Texts{}));
}

// Of bytes: what is longer comes later.
TEST(Strings, Ranks) {
  Pool pool;
  Tensor<int64_t> x = list(pool, {"b", "a", "", "ä", "b", "ab", "z"}), y({7});
  EXPECT_EQ(call(tenon_string_ranks, pool, {x.view()}, {y.view()}), 0);
  EXPECT_EQ(y.values, (Ints{3, 1, 0, 5, 3, 2, 4}));
}

TEST(Strings, MapCharacters) {
  Pool pool;
  Tensor<int32_t> mapping({3, 2}, {'a', 'A', 0xfc, 0xdc, 0x1d11e, 0x20ac});
  Tensor<int64_t> x = list(pool, {"banana", "für",
                                  "\xff"
                                  "a",
                                  "\xf0\x9d\x84\x9e", ""}),
                  y({5});
  EXPECT_EQ(call(tenon_map_characters, pool, {x.view(), mapping.view()}, {y.view()}), 0);
  EXPECT_EQ(pool.of(y), (Texts{"bAnAnA", "fÜr",
                               "\xff"
                               "A",
                               "€", ""}));
}

// --- Numbers

template <typename T> std::string format(LibFunction &function, T value) {
  Pool pool;
  Tensor<T> x({1}, {value});
  Tensor<int64_t> y({1});
  EXPECT_EQ(call(function, pool, {x.view()}, {y.view()}), 0);
  return pool.of(y)[0];
}

TEST(Spelling, OfFloats) {
  EXPECT_EQ(format(tenon_format_numbers_f32, 0.1f), "0.1");
  EXPECT_EQ(format(tenon_format_numbers_f32, 3.14159274f), "3.1415927");
  EXPECT_EQ(format(tenon_format_numbers_f32, -1e-30f), "-1e-30");
  EXPECT_EQ(format(tenon_format_numbers_f32, 1e9f), "1e+09");
  EXPECT_EQ(format(tenon_format_numbers_f64, 1.0 / 3), "0.33333333");
  EXPECT_EQ(format(tenon_format_numbers_f64, 2.0), "2");
  EXPECT_EQ(format(tenon_format_numbers_f64, -HUGE_VAL), "-INF");
  EXPECT_EQ(format(tenon_format_numbers_f32, HUGE_VALF), "INF");
  EXPECT_EQ(format(tenon_format_numbers_f32, NAN), "NaN");
}

TEST(Spelling, OfIntegers) {
  EXPECT_EQ(format(tenon_format_numbers_i64, INT64_MIN), "-9223372036854775808");
  EXPECT_EQ(format(tenon_format_numbers_i64, int64_t(0)), "0");
  EXPECT_EQ(format(tenon_format_numbers_i64, int64_t(-7)), "-7");
  EXPECT_EQ(format(tenon_format_numbers_u64, UINT64_MAX), "18446744073709551615");
}

template <typename T> std::optional<T> parse(LibFunction &function, const std::string &text) {
  Pool pool;
  Tensor<int64_t> x = list(pool, {text});
  Tensor<T> y({1});
  if (int32_t code = call(function, pool, {x.view()}, {y.view()})) {
    EXPECT_EQ(code, TENON_EXEC_BAD_VALUE);
    return std::nullopt;
  }
  return y.values[0];
}

TEST(Spelling, ParsesFloats) {
  EXPECT_EQ(parse<float>(tenon_parse_numbers_f32, "-1.5e3"), -1500.f);
  EXPECT_EQ(parse<float>(tenon_parse_numbers_f32, " 7 "), 7.f);
  EXPECT_EQ(parse<double>(tenon_parse_numbers_f64, "0.1"), 0.1);
  EXPECT_EQ(parse<double>(tenon_parse_numbers_f64, "-INF"), -HUGE_VAL);
  EXPECT_TRUE(std::isnan(*parse<float>(tenon_parse_numbers_f32, "NaN")));
  for (const char *text : {"", "x", "1,5", "1.5x", "1 2"})
    EXPECT_EQ(parse<float>(tenon_parse_numbers_f32, text), std::nullopt) << text;
  EXPECT_EQ(parse<double>(tenon_parse_numbers_f64, std::string("1\0", 2)), std::nullopt);
}

TEST(Spelling, ParsesIntegers) {
  EXPECT_EQ(parse<int64_t>(tenon_parse_numbers_i64, "-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(parse<int64_t>(tenon_parse_numbers_i64, "+12"), 12);
  EXPECT_EQ(parse<int64_t>(tenon_parse_numbers_i64, "-3.9"), -3);
  EXPECT_EQ(parse<int64_t>(tenon_parse_numbers_i64, "1e3"), 1000);
  EXPECT_EQ(parse<uint64_t>(tenon_parse_numbers_u64, "18446744073709551615"), UINT64_MAX);
  for (const char *text :
       {"9223372036854775808", "-9223372036854775809", "", "-", "1e30", "nan", "0x"})
    EXPECT_EQ(parse<int64_t>(tenon_parse_numbers_i64, text), std::nullopt) << text;
  for (const char *text : {"18446744073709551616", "-1"})
    EXPECT_EQ(parse<uint64_t>(tenon_parse_numbers_u64, text), std::nullopt) << text;
}

// --- Regular expressions

/// Programs of patterns, one behind another.
struct Programs {
  explicit Programs(const Texts &patterns) : rows({0, 3}) {
    for (const std::string &pattern : patterns) {
      starts.push_back(rows.dims[0]);
      for (const tenon::regex::Row &row : llvm::cantFail(tenon::compileRegex(pattern))) {
        rows.values.insert(rows.values.end(), {row.op, row.x, row.y});
        ++rows.dims[0];
      }
    }
  }
  Tensor<int32_t> rows;
  Ints starts;
};

bool matches(const std::string &pattern, const std::string &text) {
  Pool pool;
  Programs programs({pattern});
  Tensor<int64_t> x = list(pool, {text});
  Tensor<uint8_t> y({1});
  EXPECT_EQ(call(tenon_regex_full_match, pool, {x.view(), programs.rows.view()}, {y.view()}), 0);
  return y.values[0];
}

struct Match {
  const char *pattern;
  Texts yes, no;
};

class RegexSyntax : public testing::TestWithParam<Match> {};

TEST_P(RegexSyntax, Matches) {
  for (const std::string &text : GetParam().yes)
    EXPECT_TRUE(matches(GetParam().pattern, text)) << text;
  for (const std::string &text : GetParam().no)
    EXPECT_FALSE(matches(GetParam().pattern, text)) << text;
}

INSTANTIATE_TEST_SUITE_P(
    , RegexSyntax,
    testing::Values(
        Match{"", {""}, {"a"}}, Match{"a|bc*", {"a", "b", "bccc"}, {"", "ac", "c"}},
        Match{"(a|b)+c", {"abac", "bc"}, {"c", "abca"}}, Match{"(a*)*", {"", "aaa"}, {"b"}},
        Match{"a{2}", {"aa"}, {"a", "aaa"}}, Match{"a{2,}", {"aa", "aaaa"}, {"a"}},
        Match{"a{1,3}b{0}", {"a", "aaa"}, {"", "aaaa", "ab"}}, Match{"a{,2}", {"a{,2}"}, {"a"}},
        Match{"x??y*?", {"", "xyy"}, {"xx"}},
        Match{"a.c",
              {"abc", "aüc"},
              {"a\nc", "ac",
               "a\xff"
               "c"}},
        Match{"(?s)a.c", {"a\nc"}, {}}, Match{"(?i)straSSe", {"STRAsse", "ſtrasse"}, {"strase"}},
        Match{"(?i:ab)C", {"ABC", "aBC"}, {"abc"}},
        Match{"(?i)[k]", {"K", "k", "\xe2\x84\xaa"}, {"l"}},
        Match{"(?i)[^k]", {"l", "ü"}, {"K", "k"}}, Match{"[a-c-]+", {"a-c"}, {"d"}},
        Match{"[]a]", {"]", "a"}, {"b"}}, Match{"[^]a]", {"b"}, {"]", "a"}},
        Match{"[\\d\\-x]+", {"1-x"}, {"y"}}, Match{"[[:alpha:][:^word:]]", {"a", "-"}, {"1", "_"}},
        Match{"\\w+@\\w+\\.\\w{2,3}", {"me@there.org"}, {"me@there", "@a.de"}},
        Match{"\\x41\\x{fc}\\103\\t\\.", {"AüC\t."}, {"A"}},
        Match{"\\Qa.b\\E+", {"a.b", "a.bb"}, {"axb", "a.b+", "a.ba.b"}},
        Match{"\\p{Lu}\\pN\\P{L}", {"Ä5-"}, {"ä5-", "Ä5x"}}, Match{"\\S\\s\\D", {"a b"}, {"a 1"}},
        Match{"^a$", {"a"}, {"a\n"}}, Match{"(?m)a$\\n^b", {"a\nb"}, {"ab"}},
        Match{"\\Aa\\bz?\\B\\z", {}, {"a", "az"}}, Match{"a\\b b\\B", {}, {"a b"}},
        Match{"(?P<name>a)(?:b)", {"ab"}, {"a"}}, Match{"日本?", {"日", "日本"}, {"本"}}));

TEST(Regex, Refuses) {
  auto refuse = [](const char *pattern, const char *reason) {
    llvm::Expected<std::vector<tenon::regex::Row>> program = tenon::compileRegex(pattern);
    ASSERT_FALSE(static_cast<bool>(program)) << pattern;
    EXPECT_NE(llvm::toString(program.takeError()).find(reason), std::string::npos) << pattern;
  };
  refuse("(a", "a parenthesis is not closed");
  refuse("a)", "a parenthesis is closed that was not opened");
  refuse("[a", "a bracket is not closed");
  refuse("[", "a bracket is not closed");
  refuse("[b-a]", "a range ends before it begins");
  refuse("*a", "nothing is repeated");
  refuse("a**", "what is repeated is repeated again");
  refuse("a{1001}", "beyond 1000");
  refuse("a{3,2}", "below the one before it");
  refuse("((a{1000}){1000}){1000}", "65536 steps");
  refuse("a\\", "it ends in a backslash");
  refuse("(a)\\1", "an escape is unknown at '\\1'");
  refuse("\\C", "an escape is unknown");
  refuse("\\p{Greek}", "'Greek' is no general category");
  refuse("\\x{110000}", "a code point is not as it should be");
  refuse("(?=a)", "a group has unknown flags");
  refuse("[[:nothing:]]", "a class has no known name");
  refuse("\xff", "it is not valid UTF-8");
}

// A backtracking matcher would not come to an end.
TEST(Regex, TakesLinearTime) {
  EXPECT_FALSE(matches("(a*)*(a*)*(a*)*b", std::string(100000, 'a')));
  EXPECT_FALSE(matches("(x+x+)+y", std::string(20000, 'x')));
}

enum Rule { Characters, Separators, Expression };

Texts tokenize(const std::string &text, Rule rule, const Texts &patterns, int64_t least = 1,
               bool marks = false) {
  Pool pool;
  Programs programs(patterns);
  Tensor<int64_t> x = list(pool, {text}), counts({1}), padding({}, {pool.add("pad")});
  Ints ints = {rule, least, marks, static_cast<int64_t>(patterns.size())};
  ints.insert(ints.end(), programs.starts.begin(), programs.starts.end());
  EXPECT_EQ(call(tenon_token_counts, pool, {x.view(), programs.rows.view()}, {counts.view()}, ints),
            0);
  Tensor<int64_t> y({1, counts.values[0] + 2 * marks + 1});
  EXPECT_EQ(call(tenon_tokenize, pool, {x.view(), programs.rows.view(), padding.view()}, {y.view()},
                 ints),
            0);
  Texts tokens = pool.of(y);
  EXPECT_EQ(tokens.back(), "pad");
  tokens.pop_back();
  return tokens;
}

TEST(Tokens, AreCharacters) {
  EXPECT_EQ(tokenize("aüb", Characters, {}), (Texts{"a", "ü", "b"}));
  EXPECT_EQ(tokenize("a", Characters, {}, 1, true), (Texts{"\2", "a", "\3"}));
  EXPECT_EQ(tokenize("", Characters, {}), (Texts{}));
}

TEST(Tokens, AreBetweenSeparators) {
  EXPECT_EQ(tokenize("a  b,c", Separators, {" +", ","}), (Texts{"a", "b", "c"}));
  EXPECT_EQ(tokenize(" a bc d", Separators, {" "}, 2), (Texts{"bc"}));
  // The longest match of those that begin first.
  EXPECT_EQ(tokenize("axxxb", Separators, {"x|xx"}), (Texts{"a", "b"}));
}

TEST(Tokens, AreMatches) {
  EXPECT_EQ(tokenize("ab12c3", Expression, {"[a-z]+"}), (Texts{"ab", "c"}));
  EXPECT_EQ(tokenize("foobar", Expression, {"foo|foobar"}), (Texts{"foobar"}));
  EXPECT_EQ(tokenize("a1bb2", Expression, {"[a-z]+"}, 2), (Texts{"bb"}));
}

} // namespace
