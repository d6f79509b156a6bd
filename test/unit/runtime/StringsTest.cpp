// Tensors of strings: what goes in comes out, byte by byte, and equal strings are one.
#include "Helpers.h"

#include <limits>
#include <random>
#include <string_view>

using namespace tenon::test;

namespace {

using Texts = std::vector<std::string>;

/// A tensor over strings, which must stay where they are.
struct Strings {
  explicit Strings(const Texts &texts) : dims{static_cast<int64_t>(texts.size())} {
    for (const std::string &text : texts)
      elements.push_back({text.data(), text.size()});
  }
  operator tenon_tensor() {
    return {TENON_STRING,
            1,
            dims.data(),
            elements.data(),
            elements.size() * sizeof(tenon_string),
            0,
            0,
            0};
  }

  std::vector<int64_t> dims;
  std::vector<tenon_string> elements;
};

Texts texts(const tenon_tensor &tensor) {
  auto *strings = static_cast<const tenon_string *>(tensor.data);
  Texts result;
  for (size_t i = 0; i < tensor.bytes / sizeof(tenon_string); ++i)
    result.emplace_back(strings[i].bytes ? strings[i].data : "", strings[i].bytes);
  return result;
}

Texts louder(Texts texts) {
  for (std::string &text : texts)
    text += '!';
  return texts;
}

/// A context of the model that shouts.
struct Shouting {
  Model model = load("strings");
  Context context = createContext(model, 2);
  tenon_tensor outputs[3] = {};

  tenon_status run(const Texts &x) {
    Strings strings(x);
    tenon_tensor input = strings;
    return tenon_run(context.get(), &input, 1, outputs, 3);
  }
};

// Zero bytes, characters of more bytes and what is no UTF-8 are bytes like others.
TEST(Strings, comeBackAsTheyWere) {
  Shouting shouting;
  Texts x = {"yes",      "",    std::string("a\0b", 3),  "Grüße",
             "\xff\xfe", "yes", std::string(100000, 'x')};
  ASSERT_EQ(shouting.run(x), TENON_OK) << tenon_last_error();
  EXPECT_EQ(texts(shouting.outputs[0]), louder(x));
  EXPECT_EQ(texts(shouting.outputs[2]), x);
  auto *isYes = static_cast<const int64_t *>(shouting.outputs[1].data);
  EXPECT_EQ(std::vector<int64_t>(isYes, isYes + 7), (std::vector<int64_t>{1, 0, 0, 0, 0, 1, 0}));
}

TEST(Strings, manyDifferentOnes) {
  Shouting shouting;
  std::mt19937 random(7);
  for (size_t count : {1, 1000, 20, 30000}) {
    Texts x(count);
    for (std::string &text : x)
      text = std::to_string(random() % (2 * count));
    ASSERT_EQ(shouting.run(x), TENON_OK) << tenon_last_error();
    EXPECT_EQ(texts(shouting.outputs[0]), louder(x));
    EXPECT_EQ(texts(shouting.outputs[2]), x);
  }
}

TEST(Strings, none) {
  Shouting shouting;
  ASSERT_EQ(shouting.run({}), TENON_OK) << tenon_last_error();
  EXPECT_EQ(shouting.outputs[0].bytes, 0u);
}

// What a run gave may be an input of the next one, as it is.
TEST(Strings, outputsAreFedBack) {
  Shouting shouting;
  Texts x = {"yes", "no", "maybe, if it is long enough not to be short"};
  ASSERT_EQ(shouting.run(x), TENON_OK) << tenon_last_error();
  for (int i = 0; i < 5; ++i) {
    x = louder(x);
    tenon_tensor input = shouting.outputs[0];
    ASSERT_EQ(tenon_run(shouting.context.get(), &input, 1, shouting.outputs, 3), TENON_OK)
        << tenon_last_error();
    EXPECT_EQ(texts(shouting.outputs[0]), louder(x));
    EXPECT_EQ(texts(shouting.outputs[2]), x);
  }
}

// The elements may lie in the caller's memory; their bytes are the context's.
TEST(Strings, callersBuffers) {
  Shouting shouting;
  std::vector<tenon_string> room(3);
  shouting.outputs[0].data = room.data();
  shouting.outputs[0].capacity = sizeof(tenon_string) * room.size();
  Texts x = {"a", "b", "c"};
  ASSERT_EQ(shouting.run(x), TENON_OK) << tenon_last_error();
  EXPECT_EQ(std::string_view(room[2].data, room[2].bytes), "c!");
  EXPECT_ERROR(shouting.run({"a", "b", "c", "d"}), TENON_BUFFER_TOO_SMALL, "'louder'");
}

TEST(Strings, badInputs) {
  Shouting shouting;
  int64_t dims[] = {2};
  tenon_string elements[] = {{"good", 4}, {nullptr, 3}};
  tenon_tensor input = {TENON_STRING, 1, dims, elements, sizeof elements, 0, 0, 0};
  auto run = [&] { return tenon_run(shouting.context.get(), &input, 1, shouting.outputs, 3); };
  EXPECT_ERROR(run(), TENON_INVALID_ARGUMENT,
               "input 0 'x': string 1 has 3 bytes at a null pointer");
  elements[1] = {"", std::numeric_limits<size_t>::max()};
  EXPECT_ERROR(run(), TENON_INVALID_ARGUMENT, "input 0 'x': string 1 has");
  elements[1] = {nullptr, 0};
  EXPECT_EQ(run(), TENON_OK) << tenon_last_error();
  input.bytes = 2 * sizeof(char *);
  EXPECT_ERROR(run(), TENON_WRONG_SHAPE, "input 0 'x' has 16 bytes");
  int64_t numbers[] = {1, 2};
  input = {TENON_INT64, 1, dims, numbers, sizeof numbers, 0, 0, 0};
  EXPECT_ERROR(run(), TENON_WRONG_DTYPE, "input 0 'x' is int64, expected string");
}

TEST(Strings, badHandles) {
  Shouting shouting;
  shouting.context.reset();
  shouting.model = load("bad-handles");
  shouting.context = createContext(shouting.model, 1);
  EXPECT_ERROR(shouting.run({"a"}), TENON_INTERNAL_ERROR, "'same'");
}

// Each context has strings of its own.
TEST(Strings, contextsShareTheModelsOnes) {
  Shouting first;
  Context second = createContext(first.model, 1);
  ASSERT_EQ(first.run({"one", "yes"}), TENON_OK);
  Texts x = {"two", "yes"};
  Strings strings(x);
  tenon_tensor input = strings, outputs[3] = {};
  ASSERT_EQ(tenon_run(second.get(), &input, 1, outputs, 3), TENON_OK) << tenon_last_error();
  EXPECT_EQ(texts(outputs[2]), x);
  EXPECT_EQ(texts(first.outputs[0]), (Texts{"one!", "yes!"}));
}

} // namespace
