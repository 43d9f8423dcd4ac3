<?php
$context = stream_context_create(array(
    'http' => array('header' => "Authentication: Basic " . base64_encode('<your_email_address>:<your_developer_key>')),
    'ssl' => array('cafile' => $argv[1]),
));
echo file_get_contents('https://fuse.plumvoice.com/api/calls/0/1', false, $context);
