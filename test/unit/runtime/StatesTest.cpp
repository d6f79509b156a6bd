// States: what a model says about them, results in one memory and in two, and every other overlap
// of a caller's output, which must be refused.
#include "Helpers.h"

using namespace tenon::test;

namespace {

TEST(States, areListed) {
  Model model = load("state");
  ASSERT_EQ(tenon_model_num_states(model.get()), 1);
  tenon_state_info info = {};
  ASSERT_EQ(tenon_model_state(model.get(), 0, &info), TENON_OK);
  EXPECT_STREQ(tenon_model_input(model.get(), info.input)->name, "h");
  EXPECT_STREQ(tenon_model_output(model.get(), info.output)->name, "next");
  for (int32_t index : {-1, 1})
    EXPECT_ERROR(tenon_model_state(model.get(), index, &info), TENON_INVALID_ARGUMENT,
                 "no state " + std::to_string(index) + ": model 'state' has 1");
  EXPECT_EQ(tenon_model_num_states(load("add").get()), 0);
}

class RunState : public testing::Test {
protected:
  static constexpr size_t size = 1000;
  static constexpr size_t bytes = size * sizeof(float);

  Model model = load("state");
  Context context = createContext(model, 2);
  Floats h{numbers(size), {size}}, x{numbers(size, 5), {size}};
  /// Room for what the tests place at odd addresses.
  std::vector<float> room = numbers(4 * size);
  tenon_tensor y = {}, next = {};

  tenon_tensor at(const Floats &floats, float *data) {
    tenon_tensor tensor = floats;
    tensor.data = data;
    return tensor;
  }
  static void sendTo(tenon_tensor &output, void *data) {
    output.data = data;
    output.capacity = bytes;
  }
  tenon_status run(tenon_tensor state, tenon_tensor other) {
    tenon_tensor inputs[] = {state, other}, outputs[] = {y, next};
    tenon_status status = tenon_run(context.get(), inputs, 2, outputs, 2);
    y = outputs[0];
    next = outputs[1];
    return status;
  }
  /// The state after so many runs.
  std::vector<float> expected(int runs) {
    std::vector<float> state = h.data;
    for (int i = 0; i < runs; ++i)
      for (size_t k = 0; k < size; ++k)
        state[k] = 2 * (state[k] + x.data[k]);
    return state;
  }
};

TEST_F(RunState, staysInOneMemory) {
  Floats state = h;
  sendTo(next, state.data.data());
  for (int i = 0; i < 5; ++i)
    ASSERT_EQ(run(state, x), TENON_OK) << tenon_last_error();
  EXPECT_EQ(next.data, state.data.data());
  EXPECT_EQ(state.data, expected(5));
}

TEST_F(RunState, goesToAnotherMemory) {
  std::vector<float> other(size);
  sendTo(next, other.data());
  const std::vector<float> before = h.data;
  ASSERT_EQ(run(h, x), TENON_OK) << tenon_last_error();
  EXPECT_EQ(other, expected(1));
  EXPECT_EQ(h.data, before);
}

/// Without memory from the caller the context's own takes turns, and inputs stay as they are.
TEST_F(RunState, isFedBackFromTheContext) {
  ASSERT_EQ(run(h, x), TENON_OK) << tenon_last_error();
  for (int i = 1; i < 5; ++i) {
    tenon_tensor state = next;
    std::vector<float> before = values(state);
    ASSERT_EQ(run(state, x), TENON_OK) << tenon_last_error();
    EXPECT_NE(next.data, state.data);
    EXPECT_EQ(values(state), before);
  }
  EXPECT_EQ(values(next), expected(5));
}

/// The memory is the same or another: parts of it are neither.
TEST_F(RunState, isRefusedBesideItsMemory) {
  for (size_t first : {size + 1, size - 1, 2 * size - 1, size_t(1)}) {
    sendTo(next, room.data() + first);
    EXPECT_ERROR(run(at(h, room.data() + size), x), TENON_INVALID_ARGUMENT,
                 "output 1 'next' overlaps input 0 'h'");
  }
  for (size_t first : {size_t(0), 2 * size}) {
    sendTo(next, room.data() + first);
    EXPECT_EQ(run(at(h, room.data() + size), x), TENON_OK) << tenon_last_error();
  }
}

TEST_F(RunState, otherOverlapsAreRefused) {
  sendTo(next, x.data.data());
  EXPECT_ERROR(run(h, x), TENON_INVALID_ARGUMENT, "output 1 'next' overlaps input 1 'x'");
  // The state's memory, but another input lies there, too.
  sendTo(next, h.data.data());
  EXPECT_ERROR(run(h, at(x, h.data.data())), TENON_INVALID_ARGUMENT,
               "output 1 'next' overlaps input 1 'x'");
  next = {};
  sendTo(y, h.data.data());
  EXPECT_ERROR(run(h, x), TENON_INVALID_ARGUMENT, "output 0 'y' overlaps input 0 'h'");
  sendTo(y, room.data());
  sendTo(next, room.data() + size - 1);
  EXPECT_ERROR(run(h, x), TENON_INVALID_ARGUMENT, "output 1 'next' overlaps output 0 'y'");
  sendTo(next, room.data() + size);
  EXPECT_EQ(run(h, x), TENON_OK) << tenon_last_error();
}

/// The context's memory for one output is no place for another.
TEST_F(RunState, theContextsMemoryOfAnotherOutputIsRefused) {
  ASSERT_EQ(run(h, x), TENON_OK) << tenon_last_error();
  sendTo(next, y.data);
  EXPECT_ERROR(run(h, x), TENON_INVALID_ARGUMENT, "output 1 'next' overlaps output 0 'y'");
}

TEST_F(RunState, nothingOverlapsNoBytes) {
  Floats empty{{}, {0}};
  sendTo(y, room.data());
  sendTo(next, room.data());
  EXPECT_EQ(run(at(empty, room.data()), at(empty, room.data())), TENON_OK) << tenon_last_error();
  EXPECT_EQ(next.bytes, 0u);
}

} // namespace
