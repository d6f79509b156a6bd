// A comparison of precisions as a page to look at.
#ifndef TENON_LIB_QUANTIZE_PRECISIONPAGE_H
#define TENON_LIB_QUANTIZE_PRECISIONPAGE_H

#include "lib/Quantize/ComparePrecision.h"

namespace tenon::quantize {

/// HTML that needs no other file and no network: size and time before and after, the error along
/// the network, histograms of the worst tensors with their ranges, and all tensors in a table.
std::string formatPage(const PrecisionComparison &comparison);

} // namespace tenon::quantize

#endif
