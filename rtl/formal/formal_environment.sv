// formal_environment: reset in the first clock and never again, and senders that keep their word.
`default_nettype none
module formal_environment #(
    parameter integer DataW = 2,
    parameter integer Ways  = 1   // streams into the module under proof, each its own
) (
    input  wire                  clk,
    input  wire                  rst,
    input  wire [Ways*DataW-1:0] s_axis_tdata,
    input  wire [      Ways-1:0] s_axis_tvalid,
    input  wire [      Ways-1:0] s_axis_tready,
    output wire                  started_o
);
    reg started_q;
    reg [Ways*DataW-1:0] data_q;
    reg [Ways-1:0] waits_q;
    initial started_q = 0;
    assign started_o = started_q;
    always @(posedge clk) begin
        started_q <= 1;
        data_q <= s_axis_tdata;
        waits_q <= s_axis_tvalid & ~s_axis_tready & {Ways{!rst}};
    end
    always @(*) assume (rst == !started_q);
    genvar w;
    generate
        for (w = 0; w < Ways; w = w + 1) begin : gen_way
            always @(*) begin
                if (started_q && waits_q[w]) begin
                    assume (s_axis_tvalid[w]);
                    assume (s_axis_tdata[w*DataW +: DataW] == data_q[w*DataW +: DataW]);
                end
            end
        end
    endgenerate
endmodule
`default_nettype wire
