// ql_axi_dma: moves packets between memory and streams; registers and behaviour of AXI DMA in simple mode.
//
//   s_axi_lite --> [registers] --+--> [read  engine] --> m_axis_mm2s      memory to stream, offsets 00-2C
//                                +--> [write engine] <-- s_axis_s2mm      stream to memory, offsets 30-5C
//                                          ^--> m_axi (AXI4, incrementing bursts inside 4 KB)
//
// One beat a clock each way. Strict: a stream-to-memory transfer ends with tlast only, a packet longer than LENGTH is an internal
// error, addresses are multiples of the memory width (no realignment). A reset by DMACR bit 2 resets both channels once
// nothing is open on AXI; the bit reads 1 until then. Register writes take the whole word; byte strobes are ignored.
//
// Model: tests/soc/dma_test.cpp   Test: tests/soc/dma_test.cpp
`default_nettype none
module ql_axi_dma #(
    parameter integer MemoryW   = 64,  // bits of the memory port and of both streams: 32, 64 or 128
    parameter integer LengthW   = 26,  // bits of the LENGTH registers, 8 to 26
    parameter integer MaxBurst  = 16,  // beats of a burst, a power of two, at most 256
    parameter integer FifoDepth = 64   // words of each direction's FIFO, at least MaxBurst
) (
    input  wire  logic                 clk,
    input  wire  logic                 rst,
    // Registers: AXI4-Lite.
    input  wire  logic [          9:0] s_axi_lite_awaddr,
    input  wire  logic                 s_axi_lite_awvalid,
    output       logic                 s_axi_lite_awready,
    input  wire  logic [         31:0] s_axi_lite_wdata,
    input  wire  logic [          3:0] s_axi_lite_wstrb,
    input  wire  logic                 s_axi_lite_wvalid,
    output       logic                 s_axi_lite_wready,
    output       logic [          1:0] s_axi_lite_bresp,
    output       logic                 s_axi_lite_bvalid,
    input  wire  logic                 s_axi_lite_bready,
    input  wire  logic [          9:0] s_axi_lite_araddr,
    input  wire  logic                 s_axi_lite_arvalid,
    output       logic                 s_axi_lite_arready,
    output       logic [         31:0] s_axi_lite_rdata,
    output       logic [          1:0] s_axi_lite_rresp,
    output       logic                 s_axi_lite_rvalid,
    input  wire  logic                 s_axi_lite_rready,
    // Memory: AXI4.
    output       logic [         31:0] m_axi_araddr,
    output       logic [          7:0] m_axi_arlen,
    output       logic [          2:0] m_axi_arsize,
    output       logic [          1:0] m_axi_arburst,
    output       logic [          3:0] m_axi_arcache,
    output       logic [          2:0] m_axi_arprot,
    output       logic                 m_axi_arvalid,
    input  wire  logic                 m_axi_arready,
    input  wire  logic [  MemoryW-1:0] m_axi_rdata,
    input  wire  logic [          1:0] m_axi_rresp,
    input  wire  logic                 m_axi_rlast,
    input  wire  logic                 m_axi_rvalid,
    output       logic                 m_axi_rready,
    output       logic [         31:0] m_axi_awaddr,
    output       logic [          7:0] m_axi_awlen,
    output       logic [          2:0] m_axi_awsize,
    output       logic [          1:0] m_axi_awburst,
    output       logic [          3:0] m_axi_awcache,
    output       logic [          2:0] m_axi_awprot,
    output       logic                 m_axi_awvalid,
    input  wire  logic                 m_axi_awready,
    output       logic [  MemoryW-1:0] m_axi_wdata,
    output       logic [MemoryW/8-1:0] m_axi_wstrb,
    output       logic                 m_axi_wlast,
    output       logic                 m_axi_wvalid,
    input  wire  logic                 m_axi_wready,
    input  wire  logic [          1:0] m_axi_bresp,
    input  wire  logic                 m_axi_bvalid,
    output       logic                 m_axi_bready,
    // Streams.
    output       logic [  MemoryW-1:0] m_axis_mm2s_tdata,
    output       logic [MemoryW/8-1:0] m_axis_mm2s_tkeep,
    output       logic                 m_axis_mm2s_tlast,
    output       logic                 m_axis_mm2s_tvalid,
    input  wire  logic                 m_axis_mm2s_tready,
    input  wire  logic [  MemoryW-1:0] s_axis_s2mm_tdata,
    input  wire  logic [MemoryW/8-1:0] s_axis_s2mm_tkeep,
    input  wire  logic                 s_axis_s2mm_tlast,
    input  wire  logic                 s_axis_s2mm_tvalid,
    output       logic                 s_axis_s2mm_tready,
    output       logic                 stream_rst_n_o,  // low while a reset by software takes place: for what is on the streams
    output       logic                 mm2s_introut,
    output       logic                 s2mm_introut
);
    localparam integer Size = $clog2(MemoryW / 8);

    // Reset by software: wait until AXI is quiet, then one clock of reset for everything behind the registers.
    logic drain_q, soft_reset_q, read_busy, write_busy, engine_rst;
    assign engine_rst = rst || soft_reset_q;
    assign stream_rst_n_o = !engine_rst;

    // Register writes: address and data come in any order.
    logic        address_held_q, data_held_q, do_write, is_reset;
    logic [9:0]  write_address_q;
    logic [31:0] write_data_q;
    assign s_axi_lite_awready = !address_held_q;
    assign s_axi_lite_wready  = !data_held_q;
    assign s_axi_lite_bresp   = 2'b00;
    assign s_axi_lite_rresp   = 2'b00;
    assign do_write = address_held_q && data_held_q && (!s_axi_lite_bvalid || s_axi_lite_bready);
    assign is_reset = do_write && (write_address_q == 10'h000 || write_address_q == 10'h030) && write_data_q[2];
    always_ff @(posedge clk) begin : p_write
        if (rst) begin
            address_held_q    <= 1'b0;
            data_held_q       <= 1'b0;
            s_axi_lite_bvalid <= 1'b0;
        end else begin
            if (s_axi_lite_bready) s_axi_lite_bvalid <= 1'b0;
            if (s_axi_lite_awvalid && s_axi_lite_awready) address_held_q <= 1'b1;
            if (s_axi_lite_wvalid && s_axi_lite_wready) data_held_q <= 1'b1;
            if (do_write) begin
                address_held_q    <= 1'b0;
                data_held_q       <= 1'b0;
                s_axi_lite_bvalid <= 1'b1;
            end
        end
        if (s_axi_lite_awready) write_address_q <= {s_axi_lite_awaddr[9:2], 2'b00};
        if (s_axi_lite_wready) write_data_q <= s_axi_lite_wdata;
    end

    always_ff @(posedge clk) begin : p_reset
        if (rst) begin
            drain_q      <= 1'b0;
            soft_reset_q <= 1'b0;
        end else begin
            soft_reset_q <= 1'b0;
            if (drain_q && !soft_reset_q && !read_busy && !write_busy) soft_reset_q <= 1'b1;
            if (soft_reset_q) drain_q <= 1'b0;
            if (is_reset) drain_q <= 1'b1;
        end
    end

    // The channels: 0 memory to stream, 1 stream to memory.
    logic [9:0]         read_address;
    logic [31:0]        read_data_0, read_data_1, address_0, address_1;
    logic [LengthW-1:0] length_0, length_1, done_bytes_1;
    logic start_0, start_1, done_0, done_1, failed_0, failed_1, write_0, write_1;
    logic slave_error_0, decode_error_0, internal_error_1, slave_error_1, decode_error_1;
    logic [9:0] write_offset_1, read_offset_1;
    assign write_0 = do_write && !is_reset && !drain_q && write_address_q < 10'h030;
    assign write_1 = do_write && !is_reset && !drain_q && write_address_q >= 10'h030 && write_address_q < 10'h060;
    assign write_offset_1 = write_address_q - 10'h030;
    assign read_address   = {s_axi_lite_araddr[9:2], 2'b00};
    assign read_offset_1  = read_address - 10'h030;

    ql_axi_dma_channel #(.LengthW(LengthW)) mm2s (
        .clk(clk), .rst(engine_rst), .write_i(write_0), .offset_i(write_address_q[5:0]), .data_i(write_data_q),
        .read_offset_i(read_address[5:0]), .read_data_o(read_data_0), .start_o(start_0), .address_o(address_0),
        .length_o(length_0), .done_i(done_0), .done_bytes_i(length_0), .failed_i(failed_0), .internal_error_i(1'b0),
        .slave_error_i(slave_error_0), .decode_error_i(decode_error_0), .interrupt_o(mm2s_introut)
    );
    ql_axi_dma_channel #(.LengthW(LengthW)) s2mm (
        .clk(clk), .rst(engine_rst), .write_i(write_1), .offset_i(write_offset_1[5:0]), .data_i(write_data_q),
        .read_offset_i(read_offset_1[5:0]), .read_data_o(read_data_1), .start_o(start_1), .address_o(address_1),
        .length_o(length_1), .done_i(done_1), .done_bytes_i(done_bytes_1), .failed_i(failed_1),
        .internal_error_i(internal_error_1), .slave_error_i(slave_error_1), .decode_error_i(decode_error_1),
        .interrupt_o(s2mm_introut)
    );

    assign s_axi_lite_arready = !s_axi_lite_rvalid;
    always_ff @(posedge clk) begin : p_read
        if (rst) begin
            s_axi_lite_rvalid <= 1'b0;
        end else begin
            if (s_axi_lite_rready) s_axi_lite_rvalid <= 1'b0;
            if (s_axi_lite_arvalid && s_axi_lite_arready) s_axi_lite_rvalid <= 1'b1;
        end
        if (s_axi_lite_arready) begin
            s_axi_lite_rdata <= '0;
            if (read_address < 10'h030) s_axi_lite_rdata <= read_data_0;
            else if (read_address < 10'h060) s_axi_lite_rdata <= read_data_1;
            if (read_address == 10'h000 || read_address == 10'h030) s_axi_lite_rdata[2] <= drain_q;
        end
    end

    ql_axi_dma_read #(.MemoryW(MemoryW), .LengthW(LengthW), .MaxBurst(MaxBurst), .FifoDepth(FifoDepth)) reader (
        .clk(clk), .rst(engine_rst), .start_i(start_0), .address_i(address_0), .length_i(length_0), .drain_i(drain_q),
        .busy_o(read_busy), .done_o(done_0), .failed_o(failed_0), .slave_error_o(slave_error_0),
        .decode_error_o(decode_error_0),
        .m_axi_araddr(m_axi_araddr), .m_axi_arlen(m_axi_arlen), .m_axi_arvalid(m_axi_arvalid),
        .m_axi_arready(m_axi_arready), .m_axi_rdata(m_axi_rdata), .m_axi_rresp(m_axi_rresp), .m_axi_rlast(m_axi_rlast),
        .m_axi_rvalid(m_axi_rvalid), .m_axi_rready(m_axi_rready),
        .m_axis_tdata(m_axis_mm2s_tdata), .m_axis_tkeep(m_axis_mm2s_tkeep), .m_axis_tlast(m_axis_mm2s_tlast),
        .m_axis_tvalid(m_axis_mm2s_tvalid), .m_axis_tready(m_axis_mm2s_tready)
    );
    ql_axi_dma_write #(.MemoryW(MemoryW), .LengthW(LengthW), .MaxBurst(MaxBurst), .FifoDepth(FifoDepth)) writer (
        .clk(clk), .rst(engine_rst), .start_i(start_1), .address_i(address_1), .length_i(length_1), .drain_i(drain_q),
        .busy_o(write_busy), .done_o(done_1), .done_bytes_o(done_bytes_1), .failed_o(failed_1),
        .internal_error_o(internal_error_1), .slave_error_o(slave_error_1), .decode_error_o(decode_error_1),
        .m_axi_awaddr(m_axi_awaddr), .m_axi_awlen(m_axi_awlen), .m_axi_awvalid(m_axi_awvalid),
        .m_axi_awready(m_axi_awready), .m_axi_wdata(m_axi_wdata), .m_axi_wstrb(m_axi_wstrb), .m_axi_wlast(m_axi_wlast),
        .m_axi_wvalid(m_axi_wvalid), .m_axi_wready(m_axi_wready), .m_axi_bresp(m_axi_bresp), .m_axi_bvalid(m_axi_bvalid),
        .m_axi_bready(m_axi_bready),
        .s_axis_tdata(s_axis_s2mm_tdata), .s_axis_tkeep(s_axis_s2mm_tkeep), .s_axis_tlast(s_axis_s2mm_tlast),
        .s_axis_tvalid(s_axis_s2mm_tvalid), .s_axis_tready(s_axis_s2mm_tready)
    );

    assign m_axi_arsize  = 3'(Size);
    assign m_axi_arburst = 2'b01;
    assign m_axi_arcache = 4'b0011;
    assign m_axi_arprot  = 3'b000;
    assign m_axi_awsize  = 3'(Size);
    assign m_axi_awburst = 2'b01;
    assign m_axi_awcache = 4'b0011;
    assign m_axi_awprot  = 3'b000;

    wire unused = &{1'b0, s_axi_lite_wstrb, s_axi_lite_awaddr[1:0], s_axi_lite_araddr[1:0], write_offset_1[9:6],
                    read_offset_1[9:6]};
endmodule
`default_nettype wire
