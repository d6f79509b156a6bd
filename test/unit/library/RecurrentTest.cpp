// LSTM, GRU and RNN against the equations of the ONNX specification, unit by unit, in double.

#include "test/unit/library/LibraryCall.h"
#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <random>

extern "C" LibFunction tenon_lstm_f32, tenon_gru_f32, tenon_rnn_f32;

namespace {

enum Cell { Rnn, Gru, Lstm };
constexpr int64_t gatesOf[] = {1, 3, 4};

struct Problem {
  Cell cell;
  int64_t steps, batch, hidden, panel;
  int64_t direction = 0; // 0 forward, 1 reverse, 2 both
  int64_t variant = 0;
  bool hasInitial = true, hasPeepholes = false;
  std::vector<int32_t> lengths = {};
  int64_t tasks = 1;
  double clip = INFINITY;

  int64_t gates() const { return gatesOf[cell]; }
  int64_t directions() const { return direction == 2 ? 2 : 1; }
};

struct Results {
  Tensor<float> all, last, cells;
};

class Network {
public:
  explicit Network(Problem problem)
      : p(problem), d(p.directions()), width(p.gates() * p.hidden),
        gates({p.steps, p.batch, d * width}), weights({d, p.hidden, width}),
        packed({d, width / p.panel, p.hidden, p.panel}), hidden({d, p.batch, p.hidden}),
        cells({d, p.batch, p.hidden}), bias({d, p.hidden}), peepholes({d, 3 * p.hidden}),
        lengths({p.batch}) {
    std::mt19937 random(7);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (Tensor<float> *tensor : {&gates, &weights, &hidden, &cells, &bias, &peepholes})
      for (float &value : tensor->values)
        value = uniform(random);
    for (int64_t i = 0; i < d; ++i)
      for (int64_t k = 0; k < p.hidden; ++k)
        for (int64_t n = 0; n < width; ++n)
          packed.values[((i * (width / p.panel) + n / p.panel) * p.hidden + k) * p.panel +
                        n % p.panel] = weights.values[(i * p.hidden + k) * width + n];
    if (!p.lengths.empty())
      lengths.values = p.lengths;
  }

  Results run() {
    Results r = makeResults();
    std::vector<LibTensor> inputs = {gates.view(), packed.view(),
                                     p.hasInitial ? hidden.view() : omitted,
                                     p.lengths.empty() ? omitted : lengths.view()};
    if (p.cell == Lstm)
      inputs.insert(inputs.end(), {p.hasInitial ? cells.view() : omitted,
                                   p.hasPeepholes ? peepholes.view() : omitted});
    if (p.cell == Gru)
      inputs.push_back(bias.view());
    CallOptions options;
    options.ints = {p.direction, p.variant};
    options.floats = {p.clip};
    for (int64_t i = 0; i < d; ++i)
      for (int64_t number = p.cell == Rnn ? 1 : 0; number < (p.cell == Lstm ? 3 : 2); ++number) {
        options.ints.push_back(number == 0 ? 0 : 1);
        options.floats.insert(options.floats.end(), {0, 0});
      }
    options.scratchBytes = 4 * (width + p.hidden) * sizeof(float);
    options.tasks = p.tasks;
    LibFunction *function = p.cell == Lstm  ? tenon_lstm_f32
                            : p.cell == Gru ? tenon_gru_f32
                                            : tenon_rnn_f32;
    EXPECT_EQ(call(function, inputs, {r.all.view(), r.last.view(), r.cells.view()}, options), 0);
    return r;
  }

  Results expect() {
    Results r = makeResults();
    for (int64_t i = 0; i < d; ++i)
      for (int64_t row = 0; row < p.batch; ++row)
        expectRow(r, i, row);
    return r;
  }

private:
  Results makeResults() {
    return {Tensor<float>({p.steps, d, p.batch, p.hidden}, NAN),
            Tensor<float>({d, p.batch, p.hidden}, NAN), Tensor<float>({d, p.batch, p.hidden}, NAN)};
  }

  void expectRow(Results &r, int64_t i, int64_t row) {
    int64_t H = p.hidden, state = (i * p.batch + row) * H;
    std::vector<double> h(H, 0), c(H, 0);
    if (p.hasInitial)
      for (int64_t j = 0; j < H; ++j) {
        h[j] = hidden.values[state + j];
        c[j] = cells.values[state + j];
      }
    int64_t length = p.lengths.empty() ? p.steps : p.lengths[row];
    for (int64_t s = 0; s < p.steps; ++s)
      for (int64_t j = 0; j < H; ++j)
        r.all.values[((s * d + i) * p.batch + row) * H + j] = 0;
    for (int64_t s = 0; s < length; ++s) {
      int64_t t = p.direction == 1 || i == 1 ? length - 1 - s : s;
      const float *x = &gates.values[((t * p.batch + row) * d + i) * width];
      step(i, x, h, c);
      for (int64_t j = 0; j < H; ++j)
        r.all.values[((t * d + i) * p.batch + row) * H + j] = h[j];
    }
    for (int64_t j = 0; j < H; ++j) {
      r.last.values[state + j] = h[j];
      r.cells.values[state + j] = c[j];
    }
  }

  double dot(const std::vector<double> &h, int64_t i, int64_t column) {
    double sum = 0;
    for (int64_t k = 0; k < p.hidden; ++k)
      sum += h[k] * weights.values[(i * p.hidden + k) * width + column];
    return sum;
  }
  double clip(double x) { return std::fmax(-p.clip, std::fmin(p.clip, x)); }
  double sigmoid(double x) { return 1 / (1 + std::exp(-clip(x))); }
  double tanh(double x) { return std::tanh(clip(x)); }

  void step(int64_t i, const float *x, std::vector<double> &h, std::vector<double> &c) {
    int64_t H = p.hidden;
    std::vector<double> next(H), reset(H);
    for (int64_t j = 0; j < H; ++j)
      reset[j] = p.cell == Gru ? sigmoid(x[H + j] + dot(h, i, H + j)) * h[j] : 0;
    for (int64_t j = 0; j < H; ++j) {
      const float *own = &peepholes.values[i * 3 * H + j];
      double on = p.hasPeepholes ? 1 : 0;
      if (p.cell == Rnn) {
        next[j] = tanh(x[j] + dot(h, i, j));
      } else if (p.cell == Lstm) {
        double in = sigmoid(x[j] + dot(h, i, j) + on * own[0] * c[j]);
        double forget = p.variant
                            ? 1 - in
                            : sigmoid(x[2 * H + j] + dot(h, i, 2 * H + j) + on * own[2 * H] * c[j]);
        c[j] = forget * c[j] + in * tanh(x[3 * H + j] + dot(h, i, 3 * H + j));
        double out = sigmoid(x[H + j] + dot(h, i, H + j) + on * own[H] * c[j]);
        next[j] = out * std::tanh(c[j]);
      } else {
        double z = sigmoid(x[j] + dot(h, i, j)), fresh;
        if (p.variant)
          fresh = tanh(x[2 * H + j] + sigmoid(x[H + j] + dot(h, i, H + j)) *
                                          (dot(h, i, 2 * H + j) + bias.values[i * H + j]));
        else
          fresh = tanh(x[2 * H + j] + dot(reset, i, 2 * H + j));
        next[j] = (1 - z) * fresh + z * h[j];
      }
    }
    h = next;
  }

  Problem p;
  int64_t d, width;
  Tensor<float> gates, weights, packed, hidden, cells, bias, peepholes;
  Tensor<int32_t> lengths;
};

void expectNear(const Tensor<float> &got, const Tensor<float> &expected) {
  for (size_t i = 0; i < got.values.size(); ++i)
    ASSERT_NEAR(got.values[i], expected.values[i], 2e-5) << "element " << i;
}

void check(const Problem &problem) {
  Network network(problem);
  Results got = network.run(), expected = network.expect();
  expectNear(got.all, expected.all);
  expectNear(got.last, expected.last);
  if (problem.cell == Lstm)
    expectNear(got.cells, expected.cells);
}

TEST(Recurrent, EveryCell) {
  for (Cell cell : {Rnn, Gru, Lstm})
    check({.cell = cell, .steps = 5, .batch = 2, .hidden = 32, .panel = 32});
}

TEST(Recurrent, RowsInBlocksAndAlone) {
  for (Cell cell : {Rnn, Gru, Lstm})
    for (int64_t batch : {1, 3, 4, 6})
      check({.cell = cell, .steps = 3, .batch = batch, .hidden = 48, .panel = 48});
}

TEST(Recurrent, SizesThatAreNoMultipleOfAVector) {
  for (Cell cell : {Rnn, Gru, Lstm})
    for (int64_t hidden : {1, 5, 20, 37, 100})
      check({.cell = cell, .steps = 3, .batch = 5, .hidden = hidden, .panel = hidden});
}

TEST(Recurrent, Directions) {
  for (Cell cell : {Rnn, Gru, Lstm})
    for (int64_t direction : {0, 1, 2})
      check({.cell = cell,
             .steps = 4,
             .batch = 2,
             .hidden = 16,
             .panel = 16,
             .direction = direction});
}

TEST(Recurrent, LengthsPerRow) {
  for (Cell cell : {Rnn, Gru, Lstm})
    check({.cell = cell,
           .steps = 4,
           .batch = 3,
           .hidden = 16,
           .panel = 16,
           .direction = 2,
           .lengths = {4, 0, 2}});
}

TEST(Recurrent, VariantsOfTheCells) {
  check({.cell = Gru, .steps = 4, .batch = 5, .hidden = 64, .panel = 64, .variant = 1});
  check({.cell = Lstm, .steps = 4, .batch = 2, .hidden = 64, .panel = 64, .variant = 1});
  check({.cell = Lstm, .steps = 4, .batch = 2, .hidden = 20, .panel = 20, .hasPeepholes = true});
  check({.cell = Lstm,
         .steps = 4,
         .batch = 2,
         .hidden = 20,
         .panel = 10,
         .hasInitial = false,
         .clip = 0.5});
}

TEST(Recurrent, ResultsDoNotDependOnTheTasks) {
  for (Cell cell : {Rnn, Gru, Lstm}) {
    Problem problem = {
        .cell = cell, .steps = 4, .batch = 7, .hidden = 32, .panel = 16, .direction = 2};
    Results one = Network(problem).run();
    problem.tasks = 3;
    Results three = Network(problem).run();
    EXPECT_EQ(one.all.values, three.all.values);
    EXPECT_EQ(one.last.values, three.last.values);
  }
}

} // namespace
