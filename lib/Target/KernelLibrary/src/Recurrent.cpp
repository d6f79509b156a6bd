// LSTM, GRU and RNN over all time steps, after the product of inputs and weights.
//
//   inputs   0 gates [T, B, D * G * H]: X·W + bias, for G gates of H units in D directions
//            1 recurrent [D, G * H / P, H, P]: the transposed recurrence weights, cut into panels
//            of
//              P columns, where P divides H
//            2 initial hidden state [D, B, H], omitted: zeros
//            3 lengths [B] int32, omitted: T
//            4 lstm: initial cell state [D, B, H]; gru: bias of the recurrence's new-state gate
//              [D, H], used with linearBeforeReset
//            5 lstm: peepholes [D, 3 * H] for gates i, o, f
//   outputs  0 all hidden states [T, D, B, H]   1 the last ones [D, B, H]   2 lstm: last cells
//   ints     direction (0 forward, 1 reverse, 2 both), variant (lstm: couple input and forget
//   gates;
//            gru: linearBeforeReset), activation kinds per direction
//   floats   clip, then alpha and beta of each activation
//
// The state of a step depends on all of the one before, so time is sequential, and the work divides
// by direction and rows of the batch. A step is a product of a few rows by a matrix that just fits
// into the second-level cache: it streams through the panels once for up to four rows.

#include "lib/Target/KernelLibrary/LibTensor.h"
#include "lib/Target/KernelLibrary/src/Activations.h"

using namespace tenon::library;

namespace {

constexpr int64_t maxRows = 4;

/// V vectors side by side, the last of which may begin earlier and overlap the one before.
template <int V> struct Columns {
  int64_t last;
  int64_t operator[](int v) const { return v + 1 < V ? v * vecLanes : last; }
};

/// sums[r][c..] = addends[r][c..] + h[r] · panel[c..] for R rows and V vectors. The loops over rows
/// and vectors go away here, so that the sums stay in registers.
template <int R, int V>
TENON_INLINE void multiplyBlock(Columns<V> at, float *sums, int64_t sumsStride,
                                const float *addends, int64_t addendsStride, const float *h,
                                int64_t hStride, const float *panel, int64_t panelWidth,
                                int64_t depth) {
  Vec sum[R][V];
  TENON_UNROLL for (int r = 0; r < R; ++r) TENON_UNROLL for (int v = 0; v < V; ++v)
      load(sum[r][v], addends + r * addendsStride + at[v]);
  for (int64_t k = 0; k < depth; ++k) {
    Vec weights[V];
    TENON_UNROLL for (int v = 0; v < V; ++v) load(weights[v], panel + k * panelWidth + at[v]);
    TENON_UNROLL for (int r = 0; r < R; ++r) {
      Vec state = h[r * hStride + k] - Vec{}; // in all lanes
      TENON_UNROLL for (int v = 0; v < V; ++v) sum[r][v] = state * weights[v] + sum[r][v];
    }
  }
  TENON_UNROLL for (int r = 0; r < R; ++r) TENON_UNROLL for (int v = 0; v < V; ++v)
      store(sums + r * sumsStride + at[v], sum[r][v]);
}

/// The same for panels narrower than a vector.
inline void multiplyColumns(int64_t rows, int64_t columns, float *sums, int64_t sumsStride,
                            const float *addends, int64_t addendsStride, const float *h,
                            int64_t hStride, const float *panel, int64_t depth) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      float sum = addends[r * addendsStride + c];
      for (int64_t k = 0; k < depth; ++k)
        sum = h[r * hStride + k] * panel[k * columns + c] + sum;
      sums[r * sumsStride + c] = sum;
    }
}

/// sums = addends + h · weights for R rows and the columns [begin, end), which start and end with a
/// panel. Blocks share a panel's vectors evenly: as few rows have few sums, they take more vectors
/// at once, so that additions overlap. Where vectors overlap, sums are computed twice, in one way.
template <int R>
inline void multiplyRows(int64_t begin, int64_t end, float *sums, int64_t sumsStride,
                         const float *addends, int64_t addendsStride, const float *h,
                         int64_t hStride, const float *weights, int64_t panelWidth, int64_t depth) {
  constexpr int64_t most = R == 1 ? 6 : 2;
  int64_t vectors = (panelWidth + vecLanes - 1) / vecLanes, blocks = (vectors + most - 1) / most;
  for (int64_t first = begin; first < end; first += panelWidth) {
    const float *panel = weights + first * depth;
    if (panelWidth < vecLanes) {
      multiplyColumns(R, panelWidth, sums + first, sumsStride, addends + first, addendsStride, h,
                      hStride, panel, depth);
      continue;
    }
    for (int64_t i = 0; i < blocks; ++i) {
      int64_t column = vectors * i / blocks * vecLanes, count = vectors * (i + 1) / blocks;
      count -= column / vecLanes;
      int64_t last = (count - 1) * vecLanes;
      if (column + last + vecLanes > panelWidth)
        last = panelWidth - vecLanes - column;
      auto block = [&]<int V>(Columns<V> at) {
        multiplyBlock<R, V>(at, sums + first + column, sumsStride, addends + first + column,
                            addendsStride, h, hStride, panel + column, panelWidth, depth);
      };
      if (count == 1)
        block(Columns<1>{last});
      else if (count == 2)
        block(Columns<2>{last});
      else if constexpr (R == 1) {
        if (count == 3)
          block(Columns<3>{last});
        else if (count == 4)
          block(Columns<4>{last});
        else if (count == 5)
          block(Columns<5>{last});
        else
          block(Columns<6>{last});
      }
    }
  }
}

void multiply(int64_t rows, int64_t begin, int64_t end, float *sums, int64_t sumsStride,
              const float *addends, int64_t addendsStride, const float *h, int64_t hStride,
              const float *weights, int64_t panelWidth, int64_t depth) {
  auto run = [&](auto multiplyAll) {
    multiplyAll(begin, end, sums, sumsStride, addends, addendsStride, h, hStride, weights,
                panelWidth, depth);
  };
  static_assert(maxRows == 4);
  switch (rows) {
  case 1:
    return run(multiplyRows<1>);
  case 2:
    return run(multiplyRows<2>);
  case 3:
    return run(multiplyRows<3>);
  default:
    return run(multiplyRows<4>);
  }
}

/// What the three cells share: shapes, and the walk over directions, rows and time.
struct Recurrence {
  int64_t steps, batch, directions, hidden, gates, panelWidth;
  int64_t direction, variant;
  const float *gateInputs, *weights, *initialHidden;
  const int32_t *lengths;
  float *allStates, *lastStates;
  float clip;

  Recurrence(const LibTensor *inputs, LibTensor *outputs, const int64_t *ints,
             const double *floats) {
    directions = inputs[1].dims[0];
    hidden = inputs[1].dims[2];
    panelWidth = inputs[1].dims[3];
    gates = inputs[1].dims[1] * panelWidth / hidden;
    steps = inputs[0].dims[0];
    batch = inputs[0].dims[1];
    direction = ints[0];
    variant = ints[1];
    gateInputs = inputs[0].as<float>();
    weights = inputs[1].as<float>();
    initialHidden = inputs[2].as<float>();
    lengths = inputs[3].as<int32_t>();
    allStates = outputs[0].as<float>();
    lastStates = outputs[1].as<float>();
    clip = static_cast<float>(floats[0]);
  }

  void clipped(Vec &v) const { clamp(v, -clip, clip); }

  /// Copies a state [D, B, H] or clears it, for `rows` rows.
  void initialize(float *state, const float *initial, int64_t d, int64_t row, int64_t rows) const {
    int64_t offset = (d * batch + row) * hidden, count = rows * hidden;
    if (initial)
      std::memcpy(state + offset, initial + offset, count * sizeof(float));
    else
      std::memset(state + offset, 0, count * sizeof(float));
  }

  /// Runs this task's share. `step(d, row, rows, gateInputs, h)` computes the next hidden state of
  /// `rows` rows in place. Rows of different length go one by one.
  template <typename Start, typename Step>
  void run(int64_t task, int64_t tasks, Start start, Step step) const {
    int64_t blockRows = lengths ? 1 : maxRows;
    int64_t blocks = (batch + blockRows - 1) / blockRows;
    Share share(directions * blocks, task, tasks);
    for (int64_t item = share.begin; item < share.end; ++item) {
      int64_t d = item / blocks, row = item % blocks * blockRows;
      int64_t rows = batch - row < blockRows ? batch - row : blockRows;
      start(d, row, rows);
      runRows(d, row, rows, step);
    }
  }

private:
  template <typename Step> void runRows(int64_t d, int64_t row, int64_t rows, Step step) const {
    bool isReverse = direction == 1 || d == 1;
    int64_t length = steps;
    if (lengths)
      length = lengths[row] < 0 ? 0 : lengths[row] < steps ? lengths[row] : steps;
    float *h = lastStates + (d * batch + row) * hidden;
    int64_t width = gates * hidden;
    auto stateAt = [&](int64_t t) {
      return allStates + ((t * directions + d) * batch + row) * hidden;
    };
    for (int64_t i = 0; i < length; ++i) {
      int64_t t = isReverse ? length - 1 - i : i;
      step(d, row, rows, gateInputs + ((t * batch + row) * directions + d) * width, h);
      std::memcpy(stateAt(t), h, rows * hidden * sizeof(float));
    }
    for (int64_t t = length; t < steps; ++t)
      std::memset(stateAt(t), 0, rows * hidden * sizeof(float));
  }
};

/// Activation `number` of `count` in direction d.
ActivationCall activation(const int64_t *ints, const double *floats, int64_t d, int64_t count,
                          int64_t number) {
  int64_t i = d * count + number;
  return {ints[2 + i], static_cast<float>(floats[1 + 2 * i]),
          static_cast<float>(floats[2 + 2 * i])};
}

} // namespace

// i = f(gi + pi C)   f = f(gf + pf C)   C' = f C + i g(gc)   o = f(go + po C')   h = o h(C')
static int32_t lstm(TENON_KERNEL_PARAMETERS) {
  Recurrence net(inputs, outputs, ints, floats);
  const float *initialCells = inputs[4].as<float>(), *peepholes = inputs[5].as<float>();
  float *cells = outputs[2].as<float>();
  float *sums = static_cast<float *>(scratch);
  int64_t hidden = net.hidden, width = net.gates * hidden;
  auto start = [&](int64_t d, int64_t row, int64_t rows) {
    net.initialize(net.lastStates, net.initialHidden, d, row, rows);
    net.initialize(cells, initialCells, d, row, rows);
  };
  auto step = [&](int64_t d, int64_t row, int64_t rows, const float *gates, float *h) {
    multiply(rows, 0, width, sums, width, gates, net.directions * width, h, hidden,
             net.weights + d * width * hidden, net.panelWidth, hidden);
    ActivationCall gate = activation(ints, floats, d, 3, 0);
    ActivationCall input = activation(ints, floats, d, 3, 1);
    ActivationCall output = activation(ints, floats, d, 3, 2);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t j = 0; j < hidden; j += vecLanes) {
        const float *sum = sums + r * width + j;
        float *cell = cells + (d * net.batch + row + r) * hidden + j;
        int64_t count = hidden - j;
        Vec i, o, f, g, c;
        loadPart(i, sum, count);
        loadPart(o, sum + hidden, count);
        loadPart(f, sum + 2 * hidden, count);
        loadPart(g, sum + 3 * hidden, count);
        loadPart(c, cell, count);
        Vec outputPeephole = {};
        if (peepholes) {
          const float *own = peepholes + d * 3 * hidden + j;
          Vec inputPeephole, forgetPeephole;
          loadPart(inputPeephole, own, count);
          loadPart(outputPeephole, own + hidden, count);
          loadPart(forgetPeephole, own + 2 * hidden, count);
          i = inputPeephole * c + i;
          f = forgetPeephole * c + f;
        }
        net.clipped(i);
        net.clipped(g);
        activate(gate, i);
        activate(input, g);
        if (net.variant) {
          f = 1.0f - i;
        } else {
          net.clipped(f);
          activate(gate, f);
        }
        c = f * c + i * g;
        if (peepholes)
          o = outputPeephole * c + o;
        net.clipped(o);
        activate(gate, o);
        storePart(cell, c, count);
        activate(output, c);
        Vec result = o * c;
        storePart(h + r * hidden + j, result, count);
      }
  };
  net.run(task, tasks, start, step);
  return 0;
}

// z = f(gz)   r = f(gr)   n = g(gn + r h·Rn), or g(gn + r (h·Rn + bn))   h = (1 - z) n + z h
static int32_t gru(TENON_KERNEL_PARAMETERS) {
  Recurrence net(inputs, outputs, ints, floats);
  const float *newBias = inputs[4].as<float>();
  int64_t hidden = net.hidden, width = 3 * hidden;
  float *sums = static_cast<float *>(scratch), *reset = sums + maxRows * width;
  auto start = [&](int64_t d, int64_t row, int64_t rows) {
    net.initialize(net.lastStates, net.initialHidden, d, row, rows);
  };
  auto step = [&](int64_t d, int64_t, int64_t rows, const float *gates, float *h) {
    const float *weights = net.weights + d * width * hidden;
    int64_t gatesStride = net.directions * width;
    ActivationCall gate = activation(ints, floats, d, 2, 0);
    ActivationCall output = activation(ints, floats, d, 2, 1);
    multiply(rows, 0, 2 * hidden, sums, width, gates, gatesStride, h, hidden, weights,
             net.panelWidth, hidden);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t j = 0; j < 2 * hidden; j += vecLanes) {
        Vec v;
        loadPart(v, sums + r * width + j, 2 * hidden - j);
        net.clipped(v);
        activate(gate, v);
        storePart(sums + r * width + j, v, 2 * hidden - j);
      }
    if (net.variant) {
      // Every row starts from the bias, or from zeros where there is none.
      for (int64_t r = 0; r < rows; ++r)
        if (newBias)
          std::memcpy(reset + r * hidden, newBias + d * hidden, hidden * sizeof(float));
        else
          std::memset(reset + r * hidden, 0, hidden * sizeof(float));
      multiply(rows, 2 * hidden, width, sums, width, reset - 2 * hidden, hidden, h, hidden, weights,
               net.panelWidth, hidden);
    } else {
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t j = 0; j < hidden; ++j)
          reset[r * hidden + j] = sums[r * width + hidden + j] * h[r * hidden + j];
      multiply(rows, 2 * hidden, width, sums, width, gates, gatesStride, reset, hidden, weights,
               net.panelWidth, hidden);
    }
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t j = 0; j < hidden; j += vecLanes) {
        int64_t count = hidden - j;
        const float *sum = sums + r * width + j;
        Vec z, n, old;
        loadPart(z, sum, count);
        loadPart(n, sum + 2 * hidden, count);
        loadPart(old, h + r * hidden + j, count);
        if (net.variant) {
          Vec resetGate, added;
          loadPart(resetGate, sum + hidden, count);
          loadPart(added, gates + r * gatesStride + 2 * hidden + j, count);
          n = resetGate * n + added;
        }
        net.clipped(n);
        activate(output, n);
        Vec result = z * (old - n) + n;
        storePart(h + r * hidden + j, result, count);
      }
  };
  net.run(task, tasks, start, step);
  return 0;
}

// h = f(g)
static int32_t rnn(TENON_KERNEL_PARAMETERS) {
  Recurrence net(inputs, outputs, ints, floats);
  int64_t hidden = net.hidden;
  float *sums = static_cast<float *>(scratch);
  auto start = [&](int64_t d, int64_t row, int64_t rows) {
    net.initialize(net.lastStates, net.initialHidden, d, row, rows);
  };
  auto step = [&](int64_t d, int64_t, int64_t rows, const float *gates, float *h) {
    multiply(rows, 0, hidden, sums, hidden, gates, net.directions * hidden, h, hidden,
             net.weights + d * hidden * hidden, net.panelWidth, hidden);
    ActivationCall call = activation(ints, floats, d, 1, 0);
    for (int64_t j = 0; j < rows * hidden; j += vecLanes) {
      Vec v;
      loadPart(v, sums + j, rows * hidden - j);
      net.clipped(v);
      activate(call, v);
      storePart(h + j, v, rows * hidden - j);
    }
  };
  net.run(task, tasks, start, step);
  return 0;
}

TENON_KERNEL(tenon_lstm_f32, lstm)
TENON_KERNEL(tenon_gru_f32, gru)
TENON_KERNEL(tenon_rnn_f32, rnn)
