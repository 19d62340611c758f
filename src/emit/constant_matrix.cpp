#include "emit/constant_matrix.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "emit/step_text.h"

namespace qloom::emit {
namespace {

using hw::AdderBit;
using hw::AdderNode;
using hw::AdderResult;
using hw::ConstantMatrixDesign;
using hw::StepLogic;

class ConstantMatrixWriter {
public:
    ConstantMatrixWriter(const ConstantMatrixDesign& design, const network::Stream& input)
        : design_(design),
          input_(input),
          last_stage_(design.pipeline.stages - 1),
          output_bits_(design.output.bits) {}

    std::string text(const std::string& module) {
        const auto rows = static_cast<std::int64_t>(design_.graph.results.size());
        write_header(module, rows);
        for (std::size_t id = 0; id < design_.graph.nodes().size(); ++id)
            write_node(static_cast<int>(id));
        std::string results;
        for (std::int64_t row = rows; row-- > 0;) {
            write_result(static_cast<std::size_t>(row));
            results += fmt::format("{}y{}", results.empty() ? "" : ", ", row);
        }
        write_control(results, rows);
        return std::move(text_);
    }

private:
    template <class... Args>
    void line(fmt::format_string<Args...> format, Args&&... args) {
        text_ += fmt::format(format, std::forward<Args>(args)...);
        text_ += '\n';
    }

    void write_header(const std::string& module, std::int64_t rows) {
        const std::int64_t columns = design_.graph.input_count();
        line("// {}: a matrix of constant weights, {} -> {}{}, made by qloom.", module, columns,
             rows, design_.steps.empty() ? "" : ", with the thresholds behind it");
        line("//\n//   s_axis --> [additions, {} stages of registers] --> [skid] --> m_axis      one "
             "beat a clock\n//", design_.stages());
        text_ += "// n<k> is node k of the adder graph, n<k>_d<j> the same j clocks later, y<m> row "
                 "m.\n`default_nettype none\n/* verilator lint_off UNUSEDSIGNAL */\n";
        line("module {} (\n    input  wire  logic         clk,\n    input  wire  logic         rst,",
             module);
        line("    input  wire  logic [{}:0] s_axis_tdata,", columns * input_.type.bits - 1);
        line("    input  wire  logic         s_axis_tvalid,\n"
             "    output       logic         s_axis_tready,");
        line("    output       logic [{}:0] m_axis_tdata,", rows * output_bits_ - 1);
        line("    output       logic         m_axis_tvalid,\n"
             "    input  wire  logic         m_axis_tready\n);\n    logic enable;");
    }

    // A node as logic of `stage` reads it.
    [[nodiscard]] std::string at(int id, int stage) const {
        const int delay = stage - design_.pipeline.stage[static_cast<std::size_t>(id)];
        return delay == 0 ? fmt::format("n{}", id) : fmt::format("n{}_d{}", id, delay);
    }
    [[nodiscard]] std::string bit(AdderBit bit, int stage) const {
        return fmt::format("{}{}[{}]", bit.inverted ? "~" : "", at(bit.node, stage), bit.bit);
    }
    // `width` bits of a node's value from bit `from` on.
    [[nodiscard]] std::string bits(int id, int stage, int from, int width) const {
        return extended(at(id, stage), design_.graph.node(id).type, from, width);
    }

    void write_node(int id) {
        const AdderNode& node = design_.graph.node(id);
        const int stage = design_.pipeline.stage[static_cast<std::size_t>(id)];
        const int last = design_.pipeline.last[static_cast<std::size_t>(id)];
        const int width = node.type.bits;
        switch (node.kind) {
            case AdderNode::Kind::kInput:
                line("    wire [{}:0] n{} = s_axis_tdata[{}:{}];", width - 1, id,
                     (node.input + 1) * width - 1, node.input * width);
                break;
            case AdderNode::Kind::kCount:
                write_count(id, node, stage);
                break;
            case AdderNode::Kind::kSum:
                write_sum(id, node, stage);
                break;
        }
        std::string before = fmt::format("n{}", id);
        for (int delay = 1; delay <= last - stage; ++delay) {
            std::string after = fmt::format("n{}_d{}", id, delay);
            add_register(width, after, before);
            before = std::move(after);
        }
    }

    void add_register(int width, const std::string& name, const std::string& value) {
        line("    logic [{}:0] {};", width - 1, name);
        registers_ += fmt::format("            {} <= {};\n", name, value);
    }

    // Gates of two full adders and what joins them; they become one table a bit.
    void write_count(int id, const AdderNode& node, int stage) {
        std::vector<std::string> x;
        for (const AdderBit b : node.bits) x.push_back(bit(b, stage));
        if (x.size() == 1) {
            line("    wire [0:0] n{} = {};", id, x[0]);
            return;
        }
        if (x.size() == 2) {
            line("    wire [1:0] n{0} = {{{1} & {2}, {1} ^ {2}}};", id, x[0], x[1]);
            return;
        }
        const auto low = fmt::format("n{}_a", id);
        write_full_adder(low, {x.begin(), x.begin() + 3});
        if (x.size() == 3) {
            line("    wire [1:0] n{} = {};", id, low);
            return;
        }
        const auto high = fmt::format("n{}_b", id);
        write_full_adder(high, {x.begin() + 3, x.end()});
        line("    wire n{0}_c = {1}[0] & {2}[0];", id, low, high);
        line("    wire [2:0] n{0} = {{({1}[1] & {2}[1]) | (n{0}_c & ({1}[1] | {2}[1])), {1}[1] ^ "
             "{2}[1] ^ n{0}_c, {1}[0] ^ {2}[0]}};",
             id, low, high);
    }

    void write_full_adder(const std::string& name, std::vector<std::string> x) {
        if (x.size() == 1) {
            line("    wire [1:0] {} = {{1'b0, {}}};", name, x[0]);
        } else if (x.size() == 2) {
            line("    wire [1:0] {0} = {{{1} & {2}, {1} ^ {2}}};", name, x[0], x[1]);
        } else {
            line("    wire [1:0] {0} = {{({1} & {2}) | ({3} & ({1} | {2})), {1} ^ {2} ^ {3}}};",
                 name, x[0], x[1], x[2]);
        }
    }

    // Every sum is written as a difference, a - ~b, because only there tools keep the order of the
    // operands: the LUTs in front of the carry chain see b, which may be a table of five bits in
    // them, while a goes past them. One bit below the operands carries in; and a sum that is a
    // slice of another is never taken for part of a larger one and built of compressors.
    void write_sum(int id, const AdderNode& node, int stage) {
        const int width = node.type.bits;
        const int high = width - node.shift;
        if (high <= 0) {
            line("    wire [{}:0] n{} = {};", width - 1, id, bits(node.left, stage, 0, width));
            return;
        }
        const std::string carry = node.carry.node >= 0 ? bit(node.carry, stage) : "1'b0";
        const std::string right = bits(node.right, stage, 0, high);
        line("    wire [{}:0] n{}_s = {{{}, {}}} - {{{}, {}}};", high, id,
             bits(node.left, stage, node.shift, high), carry,
             node.subtracts ? right : "~" + right,
             node.subtracts ? "1'b0" : fmt::format("~{}", carry));
        const std::string upper = fmt::format("n{}_s[{}:1]", id, high);
        if (node.shift == 0) {
            line("    wire [{}:0] n{} = {};", width - 1, id, upper);
        } else {
            line("    wire [{}:0] n{} = {{{}, {}}};", width - 1, id, upper,
                 bits(node.left, stage, 0, node.shift));
        }
    }

    void write_result(std::size_t row) {
        const AdderResult& result = design_.graph.results[row];
        const std::string name = fmt::format("y{}", row);
        const bool two = design_.step_stages() > 1;
        if (!design_.steps.empty()) {
            StepText step(name, design_.steps[row], output_bits_);
            if (result.term.is_zero()) {
                step.write_constant();
            } else {
                step.write(at(result.term.node, last_stage_),
                           design_.graph.node(result.term.node).type, two);
            }
            text_ += step.wires;
            registers_ += step.registers;
            return;
        }
        const std::uint64_t mask =
            output_bits_ >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << output_bits_) - 1;
        const std::string offset =
            fmt::format("{}'d{}", output_bits_, static_cast<std::uint64_t>(result.offset) & mask);
        if (result.term.is_zero()) {
            line("    wire [{}:0] {} = {};", output_bits_ - 1, name, offset);
            return;
        }
        const int shift = std::min(result.term.shift, output_bits_);
        std::string value;
        if (output_bits_ > shift) value = bits(result.term.node, last_stage_, 0, output_bits_ - shift);
        if (shift > 0)
            value = fmt::format("{{{}{}{}'d0}}", value, value.empty() ? "" : ", ", shift);
        if (result.term.negative) {
            value = fmt::format("{} - {}", offset, value);
        } else if (result.offset != 0) {
            value = fmt::format("{} + {}", offset, value);
        }
        line("    wire [{}:0] {} = {};", output_bits_ - 1, name, value);
    }

    void write_control(const std::string& results, std::int64_t rows) {
        const int stages = design_.stages();
        if (!registers_.empty()) {
            text_ += "    always_ff @(posedge clk) begin : p_data\n        if (enable) begin\n";
            text_ += registers_;
            text_ += "        end\n    end\n";
        }
        std::string valid = "s_axis_tvalid";
        if (stages > 0) {
            line("    logic [{}:0] valid_q;", stages - 1);
            text_ += "    always_ff @(posedge clk) begin : p_valid\n        if (rst) valid_q <= '0;\n";
            line("        else if (enable) valid_q <= {};\n    end",
                 stages == 1 ? "s_axis_tvalid"
                             : fmt::format("{{valid_q[{}:0], s_axis_tvalid}}", stages - 2));
            valid = fmt::format("valid_q[{}]", stages - 1);
        }
        line("    assign s_axis_tready = enable;");
        line("    ql_skid #(.DataW({})) out (\n        .clk(clk), .rst(rst),", rows * output_bits_);
        line("        .s_axis_tdata({{{}}}), .s_axis_tvalid({}), .s_axis_tready(enable),", results,
             valid);
        line("        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), "
             ".m_axis_tready(m_axis_tready)\n    );\nendmodule\n"
             "/* verilator lint_on UNUSEDSIGNAL */\n`default_nettype wire");
    }

    const ConstantMatrixDesign& design_;
    const network::Stream& input_;
    int last_stage_;
    int output_bits_;
    std::string text_;
    std::string registers_;
};

}  // namespace

std::string constant_matrix_text(const std::string& module, const ConstantMatrixDesign& design,
                                 const network::Stream& input) {
    return ConstantMatrixWriter(design, input).text(module);
}

}  // namespace qloom::emit
