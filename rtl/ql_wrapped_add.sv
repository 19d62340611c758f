// ql_wrapped_add: (a + b) modulo any number, combinational.
//
// Model: %   Test: tests/rtl/window_test.cpp (through ql_sliding_window and ql_parallel_window)
// Cost:  README.md
`default_nettype none
module ql_wrapped_add #(
    parameter integer Modulus  = 10,                                // >= 1
    parameter integer AddressW = Modulus > 1 ? $clog2(Modulus) : 1  // derived: do not set
) (
    input  wire  logic [AddressW-1:0] a_i,  // below Modulus, as is b_i
    input  wire  logic [AddressW-1:0] b_i,
    output       logic [AddressW-1:0] sum_o
);
    if (Modulus == (1 << AddressW)) begin : gen_by_itself
        assign sum_o = a_i + b_i;
    end else begin : gen_wrap
        logic [AddressW:0] sum, wrapped;
        assign sum = {1'b0, a_i} + {1'b0, b_i};
        assign wrapped = sum - (AddressW + 1)'(Modulus);
        assign sum_o = wrapped[AddressW] ? sum[AddressW-1:0] : wrapped[AddressW-1:0];
    end
endmodule
`default_nettype wire
