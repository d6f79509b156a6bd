// What products multiply their weights with: sums over samples that tell what an error in a weight
// does to results.
#ifndef TENON_LIB_QUANTIZE_PRODUCTINPUTS_H
#define TENON_LIB_QUANTIZE_PRODUCTINPUTS_H

#include "lib/Calibration/Calibrate.h"
#include "lib/Quantize/WeightMatrix.h"
#include <Eigen/Core>

namespace tenon::quantize {

/// Collects the operands of one product: vectors of `columns` numbers, one for each position that
/// the weight is laid on. Of large tensors some positions are taken, evenly.
class ProductInputs : public Observer {
public:
  struct Options {
    /// Positions of a sample that are looked at.
    int64_t positions = 128;
    /// Whether products of columns are summed, which takes columns * columns numbers a group.
    bool products = true;
  };

  ProductInputs(const onnx::NodeProto &node, llvm::ArrayRef<int64_t> weightDims,
                const WeightLayout &layout, const Options &options);

  llvm::Error observe(const tenon_tensor &tensor) override;

  int64_t count() const { return seen; }
  /// Σ x xᵀ / count of a group's vectors: twice the Hessian of a row's mean squared error is this.
  /// What is beside the diagonal is made less, the fewer vectors there are for the columns.
  Eigen::MatrixXf getGram(int64_t group) const;
  /// Σ x / count.
  Eigen::VectorXd getMean(int64_t group) const;

private:
  llvm::Error gatherRows(const tenon_tensor &tensor);
  llvm::Error gatherWindows(const tenon_tensor &tensor);
  void flush();

  const onnx::NodeProto &node;
  llvm::SmallVector<int64_t> kernel;
  WeightLayout layout;
  Options options;
  int64_t seen = 0;
  /// Vectors of one sample, a column each: of a group, [columns, positions].
  std::vector<Eigen::MatrixXf> vectors;
  std::vector<Eigen::MatrixXf> grams;
  std::vector<Eigen::VectorXd> sums;
  std::vector<float> storage;
};

} // namespace tenon::quantize

#endif
