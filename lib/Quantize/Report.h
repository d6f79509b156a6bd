// What quantization found, for people and for programs.
#ifndef TENON_LIB_QUANTIZE_REPORT_H
#define TENON_LIB_QUANTIZE_REPORT_H

#include "lib/Quantize/Quantize.h"

namespace tenon::quantize {

/// A summary, and a table of the groups, those that cost most first.
std::string formatReport(const QuantizeResult &result, const Budget &budget);

/// All of it, as JSON.
std::string formatReportFile(const QuantizeResult &result, const Budget &budget);

} // namespace tenon::quantize

#endif
