// ql_axi_dma_channel: control, status and parameter registers of one channel of ql_axi_dma (simple mode of AXI DMA).
//
//   write_i --> [registers] --> start_o, address_o, length_o --> engine --> done_i, *_error_i --> [status]
//
// Offsets inside a channel: 00 DMACR, 04 DMASR, 18 address, 1C address high, 28 LENGTH (a write starts a transfer).
// A reset (rst) gives the values after power-up: DMACR 0001_0002, DMASR 0000_0001.
//
// Model: tests/soc/dma_test.cpp   Test: tests/soc/dma_test.cpp
`default_nettype none
module ql_axi_dma_channel #(
    parameter integer LengthW = 26  // bits of LENGTH, 8 to 26
) (
    input  wire  logic               clk,
    input  wire  logic               rst,
    input  wire  logic               write_i,          // one clock: a register of this channel is written
    input  wire  logic [        5:0] offset_i,         // of the write, from the start of the channel
    input  wire  logic [       31:0] data_i,
    input  wire  logic [        5:0] read_offset_i,
    output       logic [       31:0] read_data_o,      // without bit 2 of DMACR
    output       logic               start_o,          // one clock; address_o and length_o hold during the transfer
    output       logic [       31:0] address_o,
    output       logic [LengthW-1:0] length_o,
    input  wire  logic               done_i,           // one clock: the transfer is complete
    input  wire  logic [LengthW-1:0] done_bytes_i,     // what LENGTH then reads
    input  wire  logic               failed_i,         // one clock: the transfer has ended with these errors
    input  wire  logic               internal_error_i,
    input  wire  logic               slave_error_i,
    input  wire  logic               decode_error_i,
    output       logic               interrupt_o
);
    if (LengthW < 8 || LengthW > 26) begin : gen_check
        $error("ql_axi_dma_channel: LengthW must be 8 to 26");
    end

    logic        run_q, halted_q, idle_q, busy_q;
    logic        keyhole_q, cyclic_q;
    logic [2:0]  enable_q;                  // interrupt enables: completion, delay, error
    logic [7:0]  threshold_q, delay_q;      // stored, without effect
    logic        internal_q, slave_q, decode_q;
    logic        complete_irq_q, error_irq_q;
    logic [31:0] address_q;
    logic [LengthW-1:0] length_q;
    logic        is_bad, can_start;

    assign is_bad    = internal_q || slave_q || decode_q;
    assign can_start = write_i && offset_i == 6'h28 && !halted_q && run_q && !busy_q && data_i[LengthW-1:0] != '0;
    assign address_o = address_q;
    assign length_o  = length_q;
    assign interrupt_o = (complete_irq_q && enable_q[0]) || (error_irq_q && enable_q[2]);

    always_ff @(posedge clk) begin : p_registers
        start_o <= 1'b0;
        if (rst) begin
            run_q          <= 1'b0;
            halted_q       <= 1'b1;
            idle_q         <= 1'b0;
            busy_q         <= 1'b0;
            keyhole_q      <= 1'b0;
            cyclic_q       <= 1'b0;
            enable_q       <= 3'b000;
            threshold_q    <= 8'd1;
            delay_q        <= 8'd0;
            internal_q     <= 1'b0;
            slave_q        <= 1'b0;
            decode_q       <= 1'b0;
            complete_irq_q <= 1'b0;
            error_irq_q    <= 1'b0;
            address_q      <= '0;
            length_q       <= '0;
        end else begin
            if (!run_q && !busy_q) halted_q <= 1'b1;
            if (write_i && offset_i == 6'h00) begin
                // After an error only a reset helps.
                run_q       <= data_i[0] && !is_bad;
                if (data_i[0] && !is_bad) halted_q <= 1'b0;
                keyhole_q   <= data_i[3];
                cyclic_q    <= data_i[4];
                enable_q    <= data_i[14:12];
                threshold_q <= data_i[23:16];
                delay_q     <= data_i[31:24];
            end
            if (write_i && offset_i == 6'h04) begin
                if (data_i[12]) complete_irq_q <= 1'b0;
                if (data_i[14]) error_irq_q <= 1'b0;
            end
            if (write_i && offset_i == 6'h18) address_q <= data_i;
            if (can_start) begin
                length_q <= data_i[LengthW-1:0];
                start_o  <= 1'b1;
                busy_q   <= 1'b1;
                idle_q   <= 1'b0;
            end
            if (done_i) begin
                busy_q         <= 1'b0;
                idle_q         <= 1'b1;
                complete_irq_q <= 1'b1;
                length_q       <= done_bytes_i;
            end
            if (failed_i) begin
                busy_q      <= 1'b0;
                run_q       <= 1'b0;
                halted_q    <= 1'b1;
                internal_q  <= internal_error_i;
                slave_q     <= slave_error_i;
                decode_q    <= decode_error_i;
                error_irq_q <= 1'b1;
            end
        end
    end

    always_comb begin : p_read
        read_data_o = '0;
        case (read_offset_i)
            6'h00: read_data_o = {delay_q, threshold_q, 1'b0, enable_q, 7'd0, cyclic_q, keyhole_q, 1'b0, 1'b1, run_q};
            6'h04: read_data_o = {17'd0, error_irq_q, 1'b0, complete_irq_q, 5'd0, decode_q, slave_q, internal_q, 2'd0,
                                  idle_q, halted_q};
            6'h18: read_data_o = address_q;
            6'h28: read_data_o[LengthW-1:0] = length_q;
            default: read_data_o = '0;
        endcase
    end

    if (LengthW < 32) begin : gen_unused
        wire unused = &{1'b0, data_i[31:LengthW]};
    end
endmodule
`default_nettype wire
