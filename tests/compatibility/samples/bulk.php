<?php
$ch = curl_init();
curl_setopt($ch, CURLOPT_URL, "https://fuse.plumvoice.com/api/apps/{application_id}/{deployment_id}/bulk_queue");
curl_setopt($ch, CURLOPT_USERPWD, '<your_email_address>:<your_developer_key>');
curl_setopt($ch, CURLOPT_POSTFIELDS, array('csv' => new CURLFile($argv[1], 'text/csv'), 'max_attempts' => 2,
    'reattempt_wait' => 60));
curl_setopt($ch, CURLOPT_HTTPHEADER, array("Accept: application/xml"));
curl_exec($ch);
curl_setopt_array($ch, array(CURLOPT_URL => "https://fuse.plumvoice.com/api/apps/{application_id}/{deployment_id}/cancel",
    CURLOPT_CUSTOMREQUEST => 'DELETE', CURLOPT_HTTPGET => 1));
curl_setopt($ch, CURLOPT_CUSTOMREQUEST, 'DELETE');
curl_exec($ch);
echo "\n", curl_getinfo($ch, CURLINFO_HTTP_CODE), "\n";
