CREATE TABLE `log_positions` (
  `topic` varchar(249) NOT NULL,
  `log_partition` int(11) NOT NULL,
  `next_offset` bigint(20) NOT NULL,
  `fence` bigint(20) NOT NULL,
  PRIMARY KEY (`topic`,`log_partition`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `log_positions` VALUES
('seckill.orders',0,1,1),
('seckill.orders',1,1,1),
('seckill.orders',2,6,1),
('seckill.orders',3,1,1);
CREATE TABLE `orders` (
  `order_id` varchar(26) NOT NULL,
  `sale` varchar(64) NOT NULL,
  `user_id` varchar(128) NOT NULL,
  `quantity` bigint(20) NOT NULL,
  `unit_price` bigint(20) NOT NULL,
  `currency` varchar(8) NOT NULL,
  `state` varchar(16) NOT NULL,
  `reason` varchar(512) NOT NULL,
  `reserved_at` bigint(20) NOT NULL,
  `deadline` bigint(20) NOT NULL,
  `placed_at` bigint(20) NOT NULL,
  `log_partition` int(11) NOT NULL,
  `log_offset` bigint(20) NOT NULL,
  PRIMARY KEY (`order_id`),
  KEY `orders_by_user` (`user_id`,`sale`),
  KEY `orders_by_deadline` (`state`,`deadline`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `orders` VALUES
('6gmcwxkqp3kbbxpwcgsyaa2i6m','old','bob',1,9900,'CNY','placed','',1795710676611,0,1795710676613,2,3),
('afcpffke72kvbsfzpotkbd7nii','old','ann',1,9900,'CNY','placed','',1795710676609,0,1795710676611,2,2);
CREATE TABLE `outbox` (
  `source_topic` varchar(249) NOT NULL,
  `source_partition` int(11) NOT NULL,
  `source_offset` bigint(20) NOT NULL,
  `part` int(11) NOT NULL,
  `to_topic` varchar(249) NOT NULL,
  `to_partition` int(11) NOT NULL,
  `record_key` longtext DEFAULT NULL,
  `record_value` longtext DEFAULT NULL,
  `headers` longtext NOT NULL,
  PRIMARY KEY (`source_topic`,`source_partition`,`source_offset`,`part`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `sluice_schema` (
  `version` int(11) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
INSERT INTO `sluice_schema` VALUES
(1);
