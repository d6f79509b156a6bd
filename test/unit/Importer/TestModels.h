// Models for tests, from ONNX's textual form, and what importing them says.

#ifndef TENON_TEST_UNIT_IMPORTER_TESTMODELS_H
#define TENON_TEST_UNIT_IMPORTER_TESTMODELS_H

#include "dialects/Tenon/NodeLocation.h"
#include "lib/Importer/Importer.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"
#include <gtest/gtest.h>
#include <onnx/defs/parser.h>

namespace tenon::test {

/// Parses "<ir_version: 8, opset_import: [ "" : 17 ]> name (inputs) => (outputs) { nodes }".
inline onnx::ModelProto parseText(const std::string &text) {
  onnx::ModelProto model;
  auto status = onnx::OnnxParser::Parse(model, text.c_str());
  EXPECT_TRUE(status.IsOK()) << status.ErrorMessage();
  return model;
}

/// A model of opset 17 around a graph in textual form.
inline onnx::ModelProto parseGraph(const std::string &text) {
  return parseText("<ir_version: 8, opset_import: [\"\" : 17]>\n" + text);
}

/// What comes out: the module as text, or the errors, one per line.
struct Outcome {
  bool succeeded = false;
  std::string text, errors;
};

inline Outcome import(const std::shared_ptr<ModelFile> &file, const ImportOptions &options = {}) {
  Outcome outcome;
  mlir::MLIRContext context;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    outcome.errors += describeOrigin(diagnostic.getLocation()) + ": " + diagnostic.str() + "\n";
    for (mlir::Diagnostic &note : diagnostic.getNotes())
      outcome.errors += describeOrigin(note.getLocation()) + ": note: " + note.str() + "\n";
    return mlir::success();
  });
  auto module = importModel(file, context, options);
  outcome.succeeded = mlir::succeeded(module);
  if (outcome.succeeded) {
    llvm::raw_string_ostream stream(outcome.text);
    (*module)->print(stream);
  }
  return outcome;
}

inline Outcome import(const onnx::ModelProto &model, const ImportOptions &options = {}) {
  auto file = ModelFile::parse(model.SerializeAsString(), "model.onnx");
  if (file)
    return import(*file, options);
  return {false, "", llvm::toString(file.takeError())};
}

} // namespace tenon::test

#endif
