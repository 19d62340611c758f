// ql_fifo: first in, first out, any depth.
//
//   s_axis --> [memory, Depth-1 words] --> [read register] --> m_axis
//
// One beat a clock; holds exactly Depth beats; latency 2. Depth 2 is a ql_skid (latency 1). Small
// ones become LUT memory, large ones block RAM.
//
// Model: std::deque   Test: tests/rtl/stream_test.cpp
// Cost:  README.md
`default_nettype none
module ql_fifo #(
    parameter integer DataW    = 8,      // bits of a beat, >= 1
    parameter integer Depth    = 16,     // beats it holds, >= 2
    parameter         RamStyle = "auto"  // "auto", "block" or "distributed"
) (
    input  wire  logic             clk,
    input  wire  logic             rst,
    input  wire  logic [DataW-1:0] s_axis_tdata,
    input  wire  logic             s_axis_tvalid,
    output       logic             s_axis_tready,
    output       logic [DataW-1:0] m_axis_tdata,
    output       logic             m_axis_tvalid,
    input  wire  logic             m_axis_tready
);
    if (DataW < 1 || Depth < 2) begin : gen_check
        $error("ql_fifo: DataW must be at least 1 and Depth at least 2");
    end

    if (Depth == 2) begin : gen_skid
        ql_skid #(.DataW(DataW)) skid (.*);
    end else begin : gen_memory
        localparam integer Words = Depth - 1;
        localparam integer AddressW = $clog2(Words);
        localparam integer CountW = $clog2(Words + 1);

        logic [AddressW-1:0] write_q, read_q;
        logic [  CountW-1:0] count_q;  // words in the memory, the read register not counted
        logic                valid_q;
        logic                push, pull;

        assign s_axis_tready = count_q != CountW'(Words);
        assign m_axis_tvalid = valid_q;
        assign push = s_axis_tvalid && s_axis_tready;
        assign pull = count_q != '0 && (m_axis_tready || !valid_q);

        ql_ram #(.Width(DataW), .Depth(Words), .RamStyle(RamStyle)) ram (
            .clk(clk),
            .write_enable_i(push), .write_address_i(write_q), .write_data_i(s_axis_tdata),
            .read_enable_i(pull), .read_address_i(read_q), .read_data_o(m_axis_tdata)
        );

        always_ff @(posedge clk) begin : p_control
            if (rst) begin
                write_q <= '0;
                read_q  <= '0;
                count_q <= '0;
                valid_q <= 1'b0;
            end else begin
                if (push) write_q <= write_q == AddressW'(Words - 1) ? '0 : write_q + 1'b1;
                if (pull) read_q <= read_q == AddressW'(Words - 1) ? '0 : read_q + 1'b1;
                if (push && !pull) count_q <= count_q + 1'b1;
                if (pull && !push) count_q <= count_q - 1'b1;
                if (pull) valid_q <= 1'b1;
                else if (m_axis_tready) valid_q <= 1'b0;
            end
        end

`ifndef SYNTHESIS
        a_m_hold: assert property (@(posedge clk) disable iff (rst)
            m_axis_tvalid && !m_axis_tready |=> m_axis_tvalid && $stable(m_axis_tdata))
            else $error("%m: m_axis changed while it waited");
`endif
    end
endmodule
`default_nettype wire
