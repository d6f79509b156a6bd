// Samples that are looked at several times.
//
// A few numbers are close to what they should be, or far from it, by how the numbers in front of
// them happen to round. A sample that is a little fainter rounds in other ways. So where a model
// has small outputs, several such runs say more of the noise of one sample than one does.
#ifndef TENON_LIB_QUANTIZE_FAINTERSAMPLES_H
#define TENON_LIB_QUANTIZE_FAINTERSAMPLES_H

#include "lib/Calibration/DataSource.h"
#include "lib/Session/Session.h"

namespace tenon::quantize {

/// Each sample several times in a row, fainter each time: so nothing is beyond ranges that was not
/// before. Numbers other than f32 stay.
class FainterSamples : public DataSource {
public:
  FainterSamples(DataSource &all, int64_t times)
      : DataSource(all.getInputs().vec()), all(all), times(times) {}
  int64_t size() const override { return all.size() * times; }

protected:
  llvm::Expected<Sample> load(int64_t index) override;

private:
  DataSource &all;
  int64_t times;
};

/// How often samples are looked at for so many runs or less: more than once only if all outputs are
/// small, and there is an input that can be fainter.
int64_t chooseTimes(const Session &model, const DataSource &samples, int64_t wanted);

/// The geometric mean of the noise of each sample that was looked at several times in a row.
std::vector<double> takeMeans(llvm::ArrayRef<double> noise, int64_t times);

} // namespace tenon::quantize

#endif
