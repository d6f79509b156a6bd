// Ops that read or make the characters of strings.
//
// A graph that is imported has strings as elements (`!tenon.string`); `tenon-intern-strings` makes
// handles of them, numbers of type i64 that are equal where the strings are. So these ops are written
// for both, and only they, in a run, ask for the characters behind a handle.

#ifndef TENON_STRING_OPS_TD
#define TENON_STRING_OPS_TD

include "dialects/Tenon/LibraryOps.td"

class Tenon_StringOp<string mnemonic, list<Trait> traits = [], list<string> methods = []>
    : Tenon_LibraryOp<mnemonic, !listconcat([Tenon_UsesStrings], traits), methods> {
  let hasVerifier = 1;
}

def Tenon_StringConcatOp : Tenon_StringOp<"string_concat"> {
  let summary = "strings joined with others, element by element";
  let description = [{
    ONNX [StringConcat](https://onnx.ai/onnx/operators/onnx__StringConcat.html) of operands of one shape.

    ```mlir
    %y = tenon.string_concat %a, %b
      : (tensor<2x!tenon.string>, tensor<2x!tenon.string>) -> tensor<2x!tenon.string>
    ```
  }];
  let arguments = (ins Tenon_StringTensor:$lhs, Tenon_StringTensor:$rhs);
  let results = (outs Tenon_StringTensor:$result);
}

def Tenon_StringSplitCountsOp : Tenon_StringOp<"string_split_counts", [], ["getLibraryArguments"]> {
  let summary = "into how many parts each string splits";
  let description = [{
    The second output of ONNX [StringSplit](https://onnx.ai/onnx/operators/onnx__StringSplit.html).
    `delimiter` is a scalar; an empty one stands for any number of blanks, and those around a string
    then belong to no part. `max_splits` limits how often a string is split; a negative number is no limit.

    ```mlir
    %n = tenon.string_split_counts %x, %delimiter {max_splits = -1 : i64}
      : (tensor<2x!tenon.string>, tensor<!tenon.string>) -> tensor<2xi64>
    ```
  }];
  let arguments = (ins Tenon_StringTensor:$operand, Tenon_StringTensor:$delimiter,
                       I64Attr:$max_splits);
  let results = (outs RankedTensorOf<[I64]>:$counts);
}

def Tenon_StringSplitOp : Tenon_StringOp<"string_split", [], ["getLibraryArguments"]> {
  let summary = "the parts of strings between delimiters";
  let description = [{
    The first output of ONNX [StringSplit](https://onnx.ai/onnx/operators/onnx__StringSplit.html), with
    the operands of `tenon.string_split_counts`. The last dimension has the parts of one string and then
    empty strings; parts beyond it are left out.

    ```mlir
    %y = tenon.string_split %x, %delimiter {max_splits = -1 : i64}
      : (tensor<2x!tenon.string>, tensor<!tenon.string>) -> tensor<2x3x!tenon.string>
    ```
  }];
  let arguments = (ins Tenon_StringTensor:$operand, Tenon_StringTensor:$delimiter,
                       I64Attr:$max_splits);
  let results = (outs Tenon_StringTensor:$result);
}

def Tenon_MapCharactersOp : Tenon_StringOp<"map_characters"> {
  let summary = "strings with code points replaced by others";
  let description = [{
    `mapping` [M, 2] holds code points, ascending, and what each becomes; all others stay. Bytes that are no
    UTF-8 stay, too. How ONNX
    [StringNormalizer](https://onnx.ai/onnx/operators/onnx__StringNormalizer.html) changes the case of letters:
    the mapping is made when the model is compiled, and is in the model only if it needs one.

    ```mlir
    %y = tenon.map_characters %x, %mapping : (tensor<4x!tenon.string>, tensor<26x2xi32>) -> tensor<4x!tenon.string>
    ```
  }];
  let arguments = (ins Tenon_StringTensor:$operand, RankedTensorOf<[I32]>:$mapping);
  let results = (outs Tenon_StringTensor:$result);
}

def Tenon_RegexFullMatchOp : Tenon_StringOp<"regex_full_match"> {
  let summary = "whether a regular expression matches all of a string";
  let description = [{
    ONNX [RegexFullMatch](https://onnx.ai/onnx/operators/onnx__RegexFullMatch.html). The regular expression is
    compiled with the model: `program` [N, 3] is a nondeterministic automaton (lib/Support/RegexProgram.h), which
    takes time in proportion to its size times the string's length.

    ```mlir
    %y = tenon.regex_full_match %x, %program : (tensor<2x!tenon.string>, tensor<5x3xi32>) -> tensor<2xi1>
    ```
  }];
  let arguments = (ins Tenon_StringTensor:$operand, RankedTensorOf<[I32]>:$program);
  let results = (outs Tenon_BoolTensor:$result);
}

def Tenon_ParseNumbersOp : Tenon_StringOp<"parse_numbers", [], ["getFailureReason"]> {
  let summary = "the numbers that strings spell";
  let description = [{
    ONNX [Cast](https://onnx.ai/onnx/operators/onnx__Cast.html) from strings: decimal numbers with or
    without exponent, infinities ("inf", "-INF") and "NaN", blanks around them. Results are f32, f64,
    i64 or ui64; fractions are cut off an integer. A string that is no number ends the run with an error.

    ```mlir
    %y = tenon.parse_numbers %x : (tensor<2x!tenon.string>) -> tensor<2xf32>
    ```
  }];
  let arguments = (ins Tenon_StringTensor:$operand);
  let results = (outs RankedTensorOf<[F32, F64, I64, UI64]>:$result);
}

def Tenon_FormatNumbersOp : Tenon_StringOp<"format_numbers"> {
  let summary = "numbers as strings";
  let description = [{
    ONNX [Cast](https://onnx.ai/onnx/operators/onnx__Cast.html) to strings, as ONNX Runtime writes them:
    floats like C's `%.8g`, with "NaN", "INF" and "-INF".

    ```mlir
    %y = tenon.format_numbers %x : (tensor<2xf32>) -> tensor<2x!tenon.string>
    ```
  }];
  let arguments = (ins RankedTensorOf<[F32, F64, I64, UI64]>:$operand);
  let results = (outs Tenon_StringTensor:$result);
}

def Tenon_StringRanksOp : Tenon_StringOp<"string_ranks"> {
  let summary = "numbers in the order of strings";
  let description = [{
    Each string's position among the different strings of the operand, in the order of their bytes. Equal
    strings have equal numbers, so that what sorts numbers sorts strings: part of ONNX
    [Unique](https://onnx.ai/onnx/operators/onnx__Unique.html).

    ```mlir
    %y = tenon.string_ranks %x : (tensor<2x!tenon.string>) -> tensor<2xi64>
    ```
  }];
  let arguments = (ins Tenon_StringTensor:$operand);
  let results = (outs RankedTensorOf<[I64]>:$ranks);
}

def Tenon_TokenRule : I32EnumAttr<"TokenRule", "where a string is cut into tokens", [
    I32EnumAttrCase<"Characters", 0, "characters">, I32EnumAttrCase<"Separators", 1, "separators">,
    I32EnumAttrCase<"Expression", 2, "expression">]> {
  let cppNamespace = "::tenon";
}

def Tenon_TokenCountsOp : Tenon_StringOp<"token_counts", [], ["getLibraryArguments"]> {
  let summary = "how many tokens each string has";
  let description = [{
    Of what `tenon.tokenize` finds. `characters`: each code point is a token. `separators`: tokens are what
    is left between matches of regular expressions, of which earlier ones cut first. `expression`: tokens
    are what the one regular expression matches. `programs` [N, 3] holds them as `tenon.regex_full_match` has
    its own, from the rows `starts` on; matches are found from left to right, and of those that begin at
    one place the longest. Tokens of fewer than `least` code points are none.

    ```mlir
    %n = tenon.token_counts separators %x, %programs {starts = array<i64: 0>, least = 1 : i64}
      : (tensor<2x!tenon.string>, tensor<5x3xi32>) -> tensor<2xi64>
    ```
  }];
  let arguments = (ins Tenon_StringTensor:$operand, RankedTensorOf<[I32]>:$programs,
                       Tenon_TokenRule:$rule, DenseI64ArrayAttr:$starts, I64Attr:$least);
  let results = (outs RankedTensorOf<[I64]>:$counts);
  let assemblyFormat = "$rule operands attr-dict `:` functional-type(operands, results)";
}

def Tenon_TokenizeOp : Tenon_StringOp<"tokenize", [], ["getLibraryArguments"]> {
  let summary = "the tokens of strings";
  let description = [{
    ONNX Runtime's Tokenizer, with the operands of `tenon.token_counts`. The last dimension has the tokens
    of one string and then `padding`, a scalar; with `mark`, the first token is U+0002 and one behind the
    last U+0003.

    ```mlir
    %y = tenon.tokenize separators %x, %programs, %padding {starts = array<i64: 0>, least = 1 : i64}
      : (tensor<2x!tenon.string>, tensor<5x3xi32>, tensor<!tenon.string>) -> tensor<2x3x!tenon.string>
    ```
  }];
  let arguments = (ins Tenon_StringTensor:$operand, RankedTensorOf<[I32]>:$programs,
                       Tenon_StringTensor:$padding, Tenon_TokenRule:$rule, DenseI64ArrayAttr:$starts,
                       I64Attr:$least, UnitAttr:$mark);
  let results = (outs Tenon_StringTensor:$result);
  let assemblyFormat = "$rule operands attr-dict `:` functional-type(operands, results)";
}

#endif
