SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
CREATE TABLE public.log_positions (
    topic character varying(249) NOT NULL,
    log_partition integer NOT NULL,
    next_offset bigint NOT NULL,
    fence bigint NOT NULL
);
CREATE TABLE public.orders (
    order_id character varying(26) NOT NULL,
    sale character varying(64) NOT NULL,
    user_id character varying(128) NOT NULL,
    quantity bigint NOT NULL,
    unit_price bigint NOT NULL,
    currency character varying(8) NOT NULL,
    state character varying(16) NOT NULL,
    reason character varying(512) NOT NULL,
    reserved_at bigint NOT NULL,
    deadline bigint NOT NULL,
    placed_at bigint NOT NULL,
    log_partition integer NOT NULL,
    log_offset bigint NOT NULL
);
CREATE TABLE public.outbox (
    source_topic character varying(249) NOT NULL,
    source_partition integer NOT NULL,
    source_offset bigint NOT NULL,
    part integer NOT NULL,
    to_topic character varying(249) NOT NULL,
    to_partition integer NOT NULL,
    record_key text,
    record_value text,
    headers text NOT NULL
);
CREATE TABLE public.sluice_schema (
    version integer NOT NULL
);
INSERT INTO public.log_positions VALUES ('seckill.orders', 0, 1, 1);
INSERT INTO public.log_positions VALUES ('seckill.orders', 1, 1, 1);
INSERT INTO public.log_positions VALUES ('seckill.orders', 3, 1, 1);
INSERT INTO public.log_positions VALUES ('seckill.orders', 2, 6, 1);
INSERT INTO public.orders VALUES ('afcpffke72kvbsfzpotkbd7nii', 'old', 'ann', 1, 9900, 'CNY', 'placed', '', 1795710674178, 0, 1795710674181, 2, 2);
INSERT INTO public.orders VALUES ('6gmcwxkqp3kbbxpwcgsyaa2i6m', 'old', 'bob', 1, 9900, 'CNY', 'placed', '', 1795710674182, 0, 1795710674184, 2, 3);
INSERT INTO public.sluice_schema VALUES (1);
ALTER TABLE ONLY public.log_positions
    ADD CONSTRAINT log_positions_pkey PRIMARY KEY (topic, log_partition);
ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (order_id);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (source_topic, source_partition, source_offset, part);
CREATE INDEX orders_by_deadline ON public.orders USING btree (state, deadline);
CREATE INDEX orders_by_user ON public.orders USING btree (user_id, sale);
